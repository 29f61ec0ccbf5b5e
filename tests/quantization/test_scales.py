"""The scales of a net of two signs by hand, and which step is handed which."""

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate
from bnnaudit.quantization.quantizers import BinarySign, Rounding, with_surrogate
from bnnaudit.quantization.scales import ScaledNetwork, layer_scales, next_scale, reach_scales
from bnnaudit.quantization.step_hooks import StepTaken, step_hook

INPUTS = torch.tensor([[1.0, 2.0], [-3.0, 0.5]])
MOVED = torch.tensor([[1.5, 2.0], [-3.0, -0.5]])


def linear(weights: list[list[float]]) -> nn.Linear:
    layer = nn.Linear(len(weights[0]), len(weights), bias=False)
    layer.weight = nn.Parameter(torch.tensor(weights), requires_grad=False)
    return layer


def two_signs(surrogate: str = "identity") -> nn.Module:
    """Sums (2 x1, x2), their signs, a rounding that has no width, half the sum and a third of the difference, their signs."""
    network = nn.Sequential(
        linear([[2.0, 0.0], [0.0, 1.0]]), BinarySign(), Rounding(), linear([[0.5, 0.5], [1 / 3, -1 / 3]]), BinarySign()
    )
    return with_surrogate(network, Surrogate.parse(surrogate))


def test_the_layer_s_scale_is_the_mean_size_of_its_sums() -> None:
    # 2, 2, -6, 0.5 before the first; signs (1, 1) and (-1, 1) make 1, 0 and 0, -2/3 before the second.
    assert layer_scales(two_signs(), INPUTS) == pytest.approx((10.5 / 4, (1 + 2 / 3) / 4))


def test_the_reach_is_how_far_the_sums_move() -> None:
    # 2 -> 3 and 0.5 -> -0.5 before the first; the second image's signs become (-1, -1): 0 -> -1 and -2/3 -> 0.
    assert reach_scales(two_signs(), INPUTS, MOVED) == pytest.approx((2 / 4, (1 + 2 / 3) / 4))


def slopes(network: nn.Module, inputs: Tensor) -> list[Tensor]:
    """Of each sign at its own z."""
    taken: list[StepTaken] = []
    with step_hook(taken.append):
        network(inputs.clone().requires_grad_())
    signs = [step for step in taken if step.scaled]
    return [torch.autograd.grad(step.result.sum(), step.z, retain_graph=True)[0] for step in signs]


@pytest.mark.parametrize("unit", ["layer", "reach"])
def test_steps_take_their_scales_in_their_order(unit: str) -> None:
    first, second = slopes(ScaledNetwork(two_signs(f"triangular:2:{unit}"), (4.0, 0.75)), INPUTS)
    # Widths 8 and 1.5; z is (2, 2), (-6, 0.5) and (1, 0), (0, -2/3).
    assert torch.allclose(first, torch.tensor([[6 / 8, 6 / 8], [2 / 8, 7.5 / 8]]))
    assert torch.allclose(second, torch.tensor([[1 / 3, 1.0], [1.0, 5 / 9]]))


def test_every_pass_begins_with_the_first_scale() -> None:
    scaled = ScaledNetwork(two_signs("triangular:2:reach"), (4.0, 0.75))
    assert all(torch.equal(*pair) for pair in zip(slopes(scaled, INPUTS), slopes(scaled, INPUTS), strict=True))
    assert next_scale() is None


def test_without_a_scale_the_image_s_own_counts() -> None:
    expected = slopes(two_signs("triangular:2:image"), INPUTS)
    assert torch.allclose(expected[0], torch.tensor([[1 / 2, 1 / 2], [1 - 6 / 6.5, 1 - 0.5 / 6.5]]))
    for unit in ("layer", "reach"):
        assert all(
            torch.equal(*pair) for pair in zip(slopes(two_signs(f"triangular:2:{unit}"), INPUTS), expected, strict=True)
        )


def test_scales_of_another_number_of_steps_are_not_handed_out() -> None:
    # Of the two passes the second one, which has no scales, is the result's.
    leaf = INPUTS.clone().requires_grad_()
    (by_image,) = torch.autograd.grad(two_signs("triangular:2:image")(leaf).sum(), leaf)
    (found,) = torch.autograd.grad(ScaledNetwork(two_signs("triangular:2:reach"), (4.0, 0.75, 1.0))(leaf).sum(), leaf)
    assert torch.equal(found, by_image)
    assert by_image.any()


class OneByOne(nn.Module):
    """A loop over a fixed batch of one."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([self.network(image) for image in inputs.split(1)])  # type: ignore[no-untyped-call]


def test_a_loop_over_a_fixed_batch_has_the_scales_of_the_network_in_it_and_hands_them_out_in_every_pass() -> None:
    network = OneByOne(two_signs("triangular:2:reach"))
    assert layer_scales(network, INPUTS) == pytest.approx(layer_scales(two_signs(), INPUTS))
    assert reach_scales(network, INPUTS, MOVED) == pytest.approx(reach_scales(two_signs(), INPUTS, MOVED))
    first, second = slopes(ScaledNetwork(two_signs("triangular:2:reach"), (4.0, 0.75)), INPUTS)
    looped = slopes(ScaledNetwork(network, (4.0, 0.75)), INPUTS)
    assert torch.equal(torch.cat(looped[::2]), first)
    assert torch.equal(torch.cat(looped[1::2]), second)


class Wavering(nn.Module):
    """Takes its second sign only where the first image is positive."""

    def forward(self, inputs: Tensor) -> Tensor:
        signs: Tensor = BinarySign()(inputs)
        return BinarySign()(signs + inputs) if bool(inputs[0, 0] > 0) else signs  # type: ignore[no-any-return]


def test_a_network_that_takes_more_steps_for_some_images_has_no_scales() -> None:
    images = torch.stack([INPUTS[1], INPUTS[0]])
    assert reach_scales(Wavering(), INPUTS, images) == ()
    assert len(layer_scales(Wavering(), INPUTS)) == 2


def test_a_layer_that_nothing_moves_has_an_infinitely_narrow_surrogate_and_no_division_by_zero() -> None:
    first, _ = slopes(ScaledNetwork(two_signs("tanh:1:reach"), (0.0, 1.0)), INPUTS)
    assert torch.equal(first, torch.zeros(2, 2))


def test_scales_change_no_value() -> None:
    scaled = ScaledNetwork(two_signs("tanh:1:layer"), (1.0, 1.0))
    assert torch.equal(scaled(INPUTS.clone().requires_grad_()), two_signs()(INPUTS))


def test_an_error_in_the_network_leaves_no_scale_behind() -> None:
    with pytest.raises(RuntimeError, match="shapes"):
        ScaledNetwork(two_signs(), (1.0,))(torch.zeros(1, 7))
    assert next_scale() is None
