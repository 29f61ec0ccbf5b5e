"""Adversarial images as picture files: the 8-bit figure, what the referee lets through, and a way through PNG and back."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.auditing.attack_rows import attack_row
from bnnaudit.auditing.replay_check import ForeignPerturbationError, check_threat
from bnnaudit.auditing.trials import RunInputs, run_trial
from bnnaudit.core.attack import Beta, BetaRule, Method, Pgd, settings_of
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.core.trial import Trial
from bnnaudit.numerics.pixel_grid import PixelGrid
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import BYTES, batch_of, target_of


def threshold_target() -> Target:
    """One pixel of 0..255: class 0 below 101, 1 from there on."""
    network = nn.Sequential(nn.Linear(1, 1), BinarySign(), nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.fill_(-101.0)
        network[2].weight.copy_(torch.tensor([[-1.0], [1.0]]))
        network[2].bias.zero_()
    return target_of(network, (1,), 2, BYTES)


@pytest.mark.parametrize("method", [Method.PGD, Method.RANDOM, Method.AUTO])
def test_the_8bit_figure_counts_what_survives_in_whole_pixels(method: Method) -> None:
    """Within 2.7: from 99 every success is 101 at least and stays one; from 103 it is above 100 and becomes 101; 60 stands."""
    target = threshold_target()
    batch = batch_of(target, torch.tensor([[99.0], [103.0], [60.0]]))
    inputs = RunInputs(target, batch, torch.ones(3, dtype=torch.bool), 0, 256)
    threat = Threat(Norm.LINF, 2.7 / 255, BYTES)
    result, outcome = run_trial(inputs, Trial(settings_of(method, queries=200), threat))
    assert outcome.fooled.tolist() == [True, True, False]
    row = attack_row(result)
    assert row.accuracy.value == pytest.approx(1 / 3)
    assert row.accuracy_8bit is not None
    assert row.accuracy_8bit.value == pytest.approx(2 / 3)
    assert result.standing_8bit is not None
    assert result.standing_8bit.tolist() == [False, True, True]


def test_there_is_no_8bit_figure_for_images_that_are_no_pictures() -> None:
    target = threshold_target()
    batch = batch_of(target, torch.tensor([[99.0], [99.5]]))
    inputs = RunInputs(target, batch, torch.ones(2, dtype=torch.bool), 0, 256)
    result, _ = run_trial(inputs, Trial(Pgd(), Threat(Norm.LINF, 2.7 / 255, BYTES)))
    assert attack_row(result).accuracy_8bit is None


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(
    ("box", "unit"), [(BYTES, 1.0), (Box(), 1 / 255), (Box(-1.0, 1.0), 2 / 255)], ids=["bytes", "unit", "signed"]
)
def test_the_referee_refuses_a_pixel_off_the_grid(norm: Norm, box: Box, unit: float) -> None:
    """A pixel that was off the grid to begin with may stay as it was, to the bit."""
    grid = PixelGrid.of_bits(box.low, box.high, 8)
    originals = grid.values(torch.tensor([[10, 20, 30]]))
    originals[0, 2] += 0.4 * unit
    threat = Threat(norm, 8 / 255, box, image_bits=8)
    stored = originals.clone()
    stored[0, :2] = grid.values(torch.tensor([12, 18]))
    check_threat(originals, stored, threat)
    between = stored.clone()
    between[0, 0] += 0.3 * unit
    check_threat(originals, between, Threat(norm, 8 / 255, box))
    with pytest.raises(ForeignPerturbationError, match="grid of 8-bit pixels"):
        check_threat(originals, between, threat)


def through_png(levels: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) of uint8 levels, written as PNG files and read again."""
    found = []
    for picture in levels.movedim(1, 3).numpy().astype(np.uint8):
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, format="PNG")
        found.append(np.asarray(Image.open(io.BytesIO(stream.getvalue())).convert("RGB")))
    return torch.from_numpy(np.stack(found)).movedim(3, 1)


@pytest.mark.parametrize("box", [BYTES, Box(), Box(-1.0, 1.0)], ids=["bytes", "unit", "signed"])
def test_adversarial_images_are_the_same_after_a_way_through_png(box: Box) -> None:
    """Of a saturated network of signs, on whose thresholds many pixels lie: the least change would tell."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(48, 24), BinarySign(), nn.Linear(24, 4))
    target = target_of(network, (3, 4, 4), 4, box)
    grid = PixelGrid.of_bits(box.low, box.high, 8)
    batch = batch_of(target, grid.values(torch.randint(0, 256, (40, 3, 4, 4))))
    threat = Threat(Norm.LINF, 6 / 255, box, image_bits=8)
    settings = Pgd(beta=Beta(BetaRule.TRACKED), steps=20)
    outcome = run_attack(settings, target, batch, threat, seed=0)
    assert 0 < outcome.fooled.sum() < len(batch)
    again = grid.values(through_png(grid.levels(outcome.images)))
    assert torch.equal(again, outcome.images)
    verdicts = target.deployed(again).argmax(dim=1) != batch.labels
    assert torch.equal(verdicts, outcome.fooled)
