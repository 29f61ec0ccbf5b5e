"""Attacks under `image_bits`: what they return can be stored, and is found where hand calculation says."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.attacks.context import prepared
from bnnaudit.attacks.geometry import grid_step, random_start
from bnnaudit.attacks.table import METHODS, rounded, run_attack
from bnnaudit.core.attack import AttackSettings, Fgsm, LossKind, Method, settings_of
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.quantization.quantizers import BinarySign
from tests.attacks.contract import (
    BYTES,
    contract_batch,
    contract_settings,
    contract_threats,
    does_nothing_at_radius_zero,
    is_legitimate,
    is_truthful,
    leaves_no_trace,
    repeats,
)
from tests.toy import batch_of, linear_target, target_of

FIRST_OF_EACH = list({settings.method: settings for settings in reversed(contract_settings())}.values())
CASES = [
    pytest.param(
        settings, replace(threat, image_bits=bits), stored, id=f"{settings.method}-{threat.norm}-{bits}-{stored}"
    )
    for settings in FIRST_OF_EACH
    for threat in contract_threats(settings)
    for bits, stored in ((8, True), (5, False))
]
WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 0.25], [-1.0, 1.0, 0.0, 0.5]])


def stored_batch(target: Target, batch: Batch) -> Batch:
    """The batch with whole numbers for pixels, relabelled."""
    return batch_of(target, batch.images.round())


@pytest.mark.parametrize(("settings", "threat", "stored"), CASES)
def test_contract_on_the_grid(settings: AttackSettings, threat: Threat, stored: bool) -> None:
    target, batch = contract_batch()
    batch = stored_batch(target, batch) if stored else batch
    outcome = leaves_no_trace(settings, target, batch, threat)
    is_legitimate(outcome, batch, threat)
    is_truthful(outcome, target, batch)
    repeats(settings, target, batch, threat, outcome)
    does_nothing_at_radius_zero(settings, target, batch, threat.norm, threat.image_bits)


@pytest.mark.parametrize("method", [Method.PGD, Method.APGD, Method.SQUARE])
def test_a_linear_model_falls_exactly_where_whole_units_carry_it(method: Method) -> None:
    """At 2.5 / 255 two units a pixel are left: the margin falls by 2 sum |w0 - w1| = 2 * 5.75 at most, not by 2.5 * 5.75."""
    generator = torch.Generator().manual_seed(3)
    images = torch.randint(100, 140, (400, 4), generator=generator).float()
    difference = WEIGHTS[0] - WEIGHTS[1]
    target = linear_target(WEIGHTS, torch.tensor([-float(difference.sum()) * 120, 0.0]), BYTES)
    batch = batch_of(target, images)
    margins = ((images - 120) @ difference).abs()
    threat = Threat(Norm.LINF, 2.5 / 255, BYTES, image_bits=8)
    settings = settings_of(method, steps=40, queries=400)
    outcome = run_attack(settings, target, batch, threat, seed=0)
    off = margins != 2 * 5.75
    assert torch.equal(outcome.fooled[off], margins[off] < 2 * 5.75)
    free = run_attack(settings, target, batch, replace(threat, image_bits=None), seed=0)
    between = (margins > 2 * 5.75) & (margins < 0.95 * 2.5 * 5.75)
    assert between.sum() > 5
    assert free.fooled[between].all()
    assert not outcome.fooled[between].any()


def threshold_target() -> Target:
    """One pixel of 0..255 against sign(x - 100.5): class 0 below the threshold, 1 from it on."""
    network = nn.Sequential(nn.Linear(1, 1), BinarySign(), nn.Linear(1, 2))
    with torch.no_grad():
        network[0].weight.fill_(1.0)
        network[0].bias.fill_(-100.5)
        network[2].weight.copy_(torch.tensor([[-1.0], [1.0]]))
        network[2].bias.zero_()
    return target_of(network, (1,), 2, BYTES)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("method", [Method.PGD, Method.APGD, Method.RANDOM])
def test_the_grid_decides_over_one_pixel_at_a_threshold(norm: Norm, method: Method) -> None:
    target = threshold_target()
    batch = Batch(torch.tensor([[98.0]]), torch.tensor([0]), torch.tensor([0]))
    settings = settings_of(method, steps=20, queries=200)
    short, long = (Threat(norm, eps / 255, BYTES, image_bits=8) for eps in (2.7, 3.0))
    assert run_attack(settings, target, batch, replace(short, image_bits=None), seed=0).fooled.all()
    assert not run_attack(settings, target, batch, short, seed=0).fooled.any()
    outcome = run_attack(settings, target, batch, long, seed=0)
    assert outcome.fooled.all()
    assert outcome.images.tolist() == [[101.0]]


def test_every_method_returns_whole_numbers_in_a_box_of_bytes_and_loaded_pixels_in_a_unit_box() -> None:
    target, batch = contract_batch()
    batch = stored_batch(target, batch)
    network = nn.Sequential(nn.Flatten(), _Scaled(), *list(target.network.children())[1:])
    unit_target = target_of(network, (3, 3, 3), 3, Box())
    unit_batch = batch_of(unit_target, batch.images / 255)
    for settings in FIRST_OF_EACH:
        assert settings.method in METHODS
        in_bytes = run_attack(settings, target, batch, Threat(Norm.LINF, 0.1, BYTES, 8), seed=1).images
        assert torch.equal(in_bytes, in_bytes.round())
        in_unit = run_attack(settings, unit_target, unit_batch, Threat(Norm.LINF, 0.1, Box(), 8), seed=1).images
        assert torch.equal(in_unit, (in_unit * 255).round() / 255)


class _Scaled(nn.Module):
    def forward(self, images: Tensor) -> Tensor:
        return images * 255


def test_the_start_in_a_ball_of_one_unit_is_a_corner_and_not_always_the_original() -> None:
    target, batch = contract_batch()
    batch = stored_batch(target, batch)
    start = random_start(batch, Threat(Norm.LINF, 1 / 255, BYTES, 8), 0, 0)
    shift = (start - batch.images)[(batch.images > 0) & (batch.images < 255)]
    assert set(shift.tolist()) == {-1.0, 0.0, 1.0}
    assert 0.4 < float((shift == 0).float().mean()) < 0.6


def test_a_grid_step_in_l2_moves_the_pixels_of_the_largest_gradients_that_there_is_room_for() -> None:
    origins = torch.full((1, 4), 100.0)
    gradients = torch.tensor([[1.0, -4.0, 0.0, 2.0]])
    threat = Threat(Norm.L2, 2**0.5 / 255, BYTES, 8)
    there = grid_step(origins, gradients, origins, 0.1, threat)
    assert torch.allclose(there, torch.tensor([[100.0, 99.0, 100.0, 101.0]]), atol=1e-4)
    wide = grid_step(origins, gradients, origins, 0.1, replace(threat, eps=2 / 255))
    assert wide.tolist() == [[101.0, 99.0, 100.0, 101.0]]
    linf = grid_step(origins, gradients, origins, 1.6, Threat(Norm.LINF, 2 / 255, BYTES, 8))
    assert linf.tolist() == [[102.0, 98.0, 100.0, 102.0]]


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fgsm_on_the_grid_is_its_one_step_rounded_towards_the_original(sign: float) -> None:
    """A step of 2.5 from the random start, back into ball and box, then whole pixels that are no further from the original."""
    weights = torch.tensor([[1.0, -2.0, 0.5, 0.25], [-1.0, 1.0, 0.0, 0.5]]) * sign
    images = torch.tensor([[100.0, 120.0, 0.0, 255.0], [101.5, 254.0, 1.0, 30.0]])
    labels = torch.zeros(2, dtype=torch.int64)
    target = linear_target(weights, torch.tensor([1e4, 0.0]), BYTES)
    threat = Threat(Norm.LINF, 2.5 / 255, BYTES, image_bits=8)
    settings = Fgsm(loss=LossKind.MARGIN)
    batch = Batch(images, labels, torch.arange(2))
    start = random_start(batch, threat, 0, 0)
    assert (start != images).any()
    uphill = (weights[1] - weights[0]).sign()
    reached = images + (start + 2.5 * uphill - images).clamp(-2.5, 2.5)
    reached = reached.clamp(0, 255)
    # A pixel between grid values that the step leaves without one on its way stays as it was.
    expected = torch.where(reached > images, reached.floor().maximum(images), reached.ceil().minimum(images))
    outcome = run_attack(settings, target, batch, threat, seed=0)
    assert torch.equal(outcome.images, expected)
    assert not torch.equal(expected, images + 2 * uphill)


def test_what_rounding_undoes_is_no_success_and_what_it_does_not_change_costs_nothing() -> None:
    target = threshold_target()
    originals = torch.tensor([[98.0], [98.0], [98.0]])
    batch = Batch(originals, torch.zeros(3, dtype=torch.int64), torch.arange(3))
    claimed = Outcome(
        images=torch.tensor([[100.7], [101.4], [101.0]]),
        fooled=torch.ones(3, dtype=torch.bool),
        fooled_at=torch.tensor([4, 5, 6]),
        margins=torch.full((3,), -2.0),
        betas=torch.ones(3),
        cost=Cost(forwards=10),
    )
    context = prepared(Fgsm(), target, Threat(Norm.LINF, 4 / 255, BYTES, 8), batch, 0, 256, lambda steps: None)
    left = rounded(claimed, context, batch, 9)
    assert left.images.tolist() == [[100.0], [101.0], [101.0]]
    assert left.fooled.tolist() == [False, True, True]
    assert left.fooled_at.tolist() == [-1, 5, 6]
    assert left.margins.tolist() == [2.0, -2.0, -2.0]
    assert left.cost == Cost(forwards=12)
