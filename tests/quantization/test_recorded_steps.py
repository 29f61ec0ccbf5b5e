"""Steps whose value is given: the value stays, and the gradient is that of the step by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.quantization.recorded_steps import (
    Chosen,
    FakeQuantization,
    GradientOfSum,
    RecordedGrid,
    RecordedRounding,
    RecordedSign,
    RecordedStairs,
)

VALUES = torch.linspace(-2, 2, 41)
CLIPPED = Surrogate.usual(SurrogateKind.CLIPPED, 0.25)


def gradient(result: Tensor, points: Tensor) -> Tensor:
    (found,) = torch.autograd.grad(result.sum(), points)
    return found


def test_a_sign_has_its_levels_and_the_gradient_of_the_binary_sign() -> None:
    points = VALUES.clone().requires_grad_()
    plain = torch.where(VALUES >= 0, 3.0, 1.0)
    step = RecordedSign((1.0, 3.0))
    step.surrogate = CLIPPED
    other = BinarySign(levels=(1.0, 3.0), surrogate=CLIPPED)
    assert torch.equal(step(points, plain), plain)
    assert torch.equal(gradient(step(points, plain), points), gradient(other(points), points))


def test_few_stairs_follow_the_nearest_threshold_in_the_height_of_its_step() -> None:
    thresholds, levels = torch.tensor([-1.0, 1.0]), torch.tensor([0.0, 1.0, 5.0])
    stairs = RecordedStairs(thresholds, levels)
    stairs.surrogate = CLIPPED
    points = VALUES.clone().requires_grad_()
    plain = levels[torch.bucketize(VALUES, thresholds)]
    assert torch.equal(stairs(points, plain), plain)
    by_hand = 0.5 * ((VALUES + 1).abs() <= 0.25) + 2.0 * ((VALUES - 1).abs() <= 0.25)
    assert torch.allclose(gradient(stairs(points, plain), points), by_hand)
    assert stairs.bits == 2


def test_many_stairs_follow_the_line_through_them_as_far_as_it_goes() -> None:
    thresholds = torch.arange(-4, 5) / 4
    levels = torch.arange(10) * 0.5
    stairs = RecordedStairs(thresholds, levels)
    points = VALUES.clone().requires_grad_()
    found = gradient(stairs(points, levels[torch.bucketize(VALUES, thresholds)]), points)
    inside = (VALUES >= -1.25) & (VALUES <= 1.25)
    assert torch.allclose(found, 4.5 / 2.25 * inside)


def test_a_grid_passes_the_gradient_inside_of_its_ends() -> None:
    grid = RecordedGrid(-8.0, 7.0)
    points = (VALUES * 6).requires_grad_()
    plain = torch.round(points.detach())
    assert torch.equal(grid(points, plain), plain.clamp(-8, 7))
    assert torch.equal(gradient(grid(points, plain), points), ((plain >= -8) & (plain <= 7)).float())
    assert grid.bits == 4


@pytest.mark.parametrize(("shift", "rounding"), [(-0.5, torch.floor), (0.5, torch.ceil)])
def test_thresholds_of_floor_and_ceil_are_whole_numbers(shift: float, rounding: object) -> None:
    grid = RecordedGrid(0.0, 2.0, shift)
    grid.surrogate = CLIPPED
    points = VALUES.clone().requires_grad_()
    plain = rounding(VALUES)  # type: ignore[operator]
    thresholds = torch.tensor([1.0, 2.0]) if shift < 0 else torch.tensor([0.0, 1.0])
    near = ((VALUES[:, None] - thresholds).abs() <= 0.25 + 1e-6).any(dim=1)
    assert torch.equal(gradient(grid(points, plain), points) > 0, near)


def test_fake_quantization_passes_the_gradient_inside_of_its_range() -> None:
    scale, zero_point = torch.tensor(0.1), torch.tensor(3)
    points = VALUES.clone().requires_grad_()
    plain = torch.fake_quantize_per_tensor_affine(VALUES, 0.1, 3, 0, 15)
    step = FakeQuantization(scale, zero_point, 0, 15)
    assert torch.equal(step(points, plain), plain)
    wanted = VALUES.clone().requires_grad_()
    own = gradient(torch.fake_quantize_per_tensor_affine(wanted, 0.1, 3, 0, 15), wanted)
    assert torch.allclose(gradient(step(points, plain), points), own)


def test_what_is_carried_has_the_value_given_and_the_gradient_of_the_terms() -> None:
    points = VALUES.clone().requires_grad_()
    for signs, slope in (((1.0,), 1.0), ((1.0, -1.0), -2.0)):
        terms = [points, 3 * points][: len(signs)]
        result = GradientOfSum(signs)(VALUES + 7, *terms)
        assert torch.equal(result, VALUES + 7)
        assert torch.allclose(gradient(result, points), torch.full_like(VALUES, slope))


def test_a_rounding_passes_the_gradient_straight_through() -> None:
    points = VALUES.clone().requires_grad_()
    result = RecordedRounding("floor")(points, torch.floor(VALUES))
    assert torch.equal(result, torch.floor(VALUES))
    assert torch.equal(gradient(result, points), torch.ones_like(VALUES))


def test_a_choice_has_the_gradient_of_its_step_times_the_distance() -> None:
    points = VALUES.clone().requires_grad_()
    plain = torch.where(VALUES > 0, 2.0, -3.0)
    assert torch.equal(Chosen()(plain, points * 0.5, torch.tensor(2.0), torch.tensor(-3.0)), plain)
    result = Chosen()(plain, points * 0.5, torch.tensor(2.0), torch.tensor(-3.0))
    assert torch.allclose(gradient(result, points), torch.full_like(VALUES, 2.5))


@torch.no_grad()
def test_without_gradients_the_value_alone_is_returned() -> None:
    for step in (RecordedSign(), RecordedStairs(torch.tensor([0.0]), torch.tensor([0.0, 1.0])), GradientOfSum((1.0,))):
        given = (VALUES + 1, VALUES) if isinstance(step, GradientOfSum) else (VALUES, VALUES + 1)
        assert torch.equal(step(*given), VALUES + 1)
