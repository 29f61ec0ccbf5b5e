"""The choice of a number of threads, by a clock of the test's own; and that figures do not depend on it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from bnnaudit.api import audit
from bnnaudit.auditing import threads
from bnnaudit.auditing.batch_size import bytes_per_image
from bnnaudit.auditing.report import describe_environment
from bnnaudit.auditing.threads import DEPENDENT, Threads, fitting_threads, most_threads
from bnnaudit.numerics.threads import working_threads
from bnnaudit.reports.json.audit import report_to_json
from tests.paths import SAMPLE_MODELS
from tests.toy import target_of

IMAGES = torch.rand(9, 1, 4, 4, generator=torch.Generator().manual_seed(0))
TARGET = target_of(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), (1, 4, 4), 3)
SAMPLE = SAMPLE_MODELS / "digits-bnn-waq.onnx"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets what a pass takes on 1, 2, 4 and 8 threads, and whether bits depend on them."""

    def set_to(seconds: dict[int, float], depend: bool = False, cores: int = 8) -> None:
        torch.set_num_threads(8)
        monkeypatch.setattr(threads, "usable_cores", lambda: cores)
        monkeypatch.setattr(threads, "_seconds", lambda target, images, count: seconds[count])
        monkeypatch.setattr(threads, "_bits_depend", lambda target, images, most: depend)

    return set_to


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ({1: 1.0, 2: 1.1}, 1),
        ({1: 1.0, 2: 0.9}, 1),
        ({1: 1.0, 2: 0.5, 4: 0.45}, 2),
        ({1: 1.0, 2: 0.5, 4: 0.25, 8: 0.13}, 8),
    ],
)
def test_doubled_as_long_as_it_pays(clock: Callable[..., None], seconds: dict[int, float], expected: int) -> None:
    clock(seconds)
    assert fitting_threads(TARGET, IMAGES) == Threads(expected)


def test_no_more_than_the_cores(clock: Callable[..., None]) -> None:
    clock({1: 1.0, 2: 0.5, 3: 0.3}, cores=3)
    assert fitting_threads(TARGET, IMAGES) == Threads(3)
    clock({}, cores=1)
    assert fitting_threads(TARGET, IMAGES) == Threads(1), "nothing to measure"


def test_no_more_than_pytorch_was_given(clock: Callable[..., None]) -> None:
    clock({1: 1.0, 2: 0.5})
    torch.set_num_threads(2)
    assert fitting_threads(TARGET, IMAGES) == Threads(2)


def test_what_was_asked_for_is_what_is_taken(clock: Callable[..., None]) -> None:
    clock({}, cores=1)
    assert most_threads(4) == 4
    assert fitting_threads(TARGET, IMAGES, asked=4) == Threads(4)
    clock({}, depend=True)
    assert fitting_threads(TARGET, IMAGES, asked=4) == Threads(4, DEPENDENT)
    assert fitting_threads(TARGET, IMAGES, asked=1) == Threads(1)


def test_bits_that_depend_on_threads_do_not_depend_on_the_clock(
    clock: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The clock has no times here: the size of what a pass keeps decides."""
    clock({}, depend=True)
    assert fitting_threads(TARGET, IMAGES) == Threads(1)
    monkeypatch.setattr(threads, "SMALL", len(IMAGES) * bytes_per_image(TARGET, IMAGES))
    assert fitting_threads(TARGET, IMAGES) == Threads(8, DEPENDENT)


class Sensitive(nn.Module):
    """A network whose last bits depend on the number of threads."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.flatten(1)[:, :3] * (1 + 1e-6 * torch.get_num_threads())


def test_bits_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "ODD_BATCHES", ())
    with torch.random.fork_rng(devices=[]):
        assert fitting_threads(target_of(Sensitive(), (1, 4, 4), 3), IMAGES, asked=2) == Threads(2, DEPENDENT)
        nothing = target_of(nn.Sequential(nn.Flatten(), nn.Identity()), (1, 4, 4), 16)
        assert fitting_threads(nothing, IMAGES * torch.nan, asked=2) == Threads(2), "no number is as good as another"


def test_a_network_without_a_gradient_is_measured_too() -> None:
    class CutOff(nn.Module):
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            return values.detach().flatten(1)[:, :3]

    assert fitting_threads(target_of(CutOff(), (1, 4, 4), 3), IMAGES, asked=2).count == 2


def test_everything_is_as_before_afterwards() -> None:
    torch.set_num_threads(2)
    state = torch.random.get_rng_state()
    fitting_threads(TARGET, IMAGES)
    with working_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2
    for given, told in ((Threads(1, DEPENDENT), (1, DEPENDENT)), (None, (2, ()))):
        found = describe_environment(torch.device("cpu"), given)
        assert (found.threads, found.thread_dependent) == told
    assert torch.equal(state, torch.random.get_rng_state())
    with pytest.raises(ZeroDivisionError), working_threads(1):
        _ = 1 / 0
    assert torch.get_num_threads() == 2


def audited(count: int) -> dict[str, Any]:
    """The report of a standard audit of few images of a sample on so many threads, times left out."""
    settings = {"data": {"samples": 12}, "run": {"threads": count, "no_cache": True}}
    found = report_to_json(audit(SAMPLE, settings=settings))
    assert found["environment"].pop("threads") == count
    found["environment"].pop("thread_dependent")
    found.pop("created")
    for row in found["attacks"]:
        row.pop("seconds")
    return found


def test_figures_are_the_same_on_one_thread_and_on_two() -> None:
    """To the bit, the row of transfer included, whose substitute is trained on the spot."""
    one, two = audited(1), audited(2)
    assert any(row["source"] == "substitute" for row in one["attacks"])
    assert json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
