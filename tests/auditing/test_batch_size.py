"""The batch size by memory: closed forms for what a pass keeps, and the bounds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from bnnaudit.auditing import batch_size
from bnnaudit.auditing.batch_size import OVERHEAD, bytes_per_image, fitting_batch, free_memory, require_room
from bnnaudit.core.errors import ModelError
from bnnaudit.core.file_limits import KEPT_FOR_BACKWARD
from bnnaudit.core.limits import Limits, limits_set
from tests.toy import target_of

IMAGES = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_what_a_pass_keeps_is_counted_once_and_without_the_weights() -> None:
    # A ReLU keeps its result, which is also what the layer after it keeps as its input; 1000 floats an image.
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 1000), nn.ReLU(), nn.Linear(1000, 10))
    found = bytes_per_image(target_of(network, (1, 4, 4), 10), IMAGES)
    assert found == pytest.approx(OVERHEAD * 4 * (1000 + 16), rel=0.1)


def test_as_many_images_as_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    target = target_of(nn.Sequential(nn.Flatten(), nn.Linear(16, 1000), nn.ReLU(), nn.Linear(1000, 10)), (1, 4, 4), 10)
    assert fitting_batch(target, IMAGES) == 256
    each = bytes_per_image(target, IMAGES)
    monkeypatch.setattr(batch_size, "BYTES", 7 * each + 1)
    assert fitting_batch(target, IMAGES) == 7
    monkeypatch.setattr(batch_size, "BYTES", 1)
    assert fitting_batch(target, IMAGES) == 1


def test_a_quarter_of_what_is_free_where_memory_is_short(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    facts = tmp_path / "meminfo"
    facts.write_text("MemTotal: 9 kB\nMemAvailable:      4096 kB\n")
    monkeypatch.setattr(batch_size, "MEMORY_FACTS", facts)
    assert free_memory() == 4 * 2**20
    assert batch_size.room(torch.device("cpu")) == 2**20
    monkeypatch.setattr(batch_size, "MEMORY_FACTS", tmp_path / "none")
    assert free_memory() is None
    assert batch_size.room(torch.device("cpu")) == batch_size.BYTES


def test_a_network_that_keeps_too_much_of_one_image_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """1,000 floats of a ReLU are 4,000 bytes, beside the 64 of the image."""
    target = target_of(nn.Sequential(nn.Flatten(), nn.Linear(16, 1000), nn.ReLU(), nn.Linear(1000, 10)), (1, 4, 4), 10)
    require_room(target, IMAGES[:1])
    monkeypatch.setattr(batch_size, "KEPT_FOR_BACKWARD", replace(KEPT_FOR_BACKWARD, most=3_000))
    with pytest.raises(ModelError, match=r"for the gradient of one image it keeps 4,\d\d\d bytes, more than 3,000 are"):
        require_room(target, IMAGES[:1])
    with limits_set(Limits.NONE):
        require_room(target, IMAGES[:1])
