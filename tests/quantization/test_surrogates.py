import math

import pytest
import torch

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.quantization.quantizers import BinarySign, Flooring, Quantizer, Rounding, TernarySign, with_surrogate
from bnnaudit.quantization.surrogates import slope_of_sign

NAMES = ("identity", "clipped", "adaptive", "adaptive:2", "polynomial:2", "tanh", "arctan", "arctan:2:absolute")
SURROGATES = [Surrogate.parse(text) for text in NAMES]
SMOOTH = [SurrogateKind.TANH, SurrogateKind.ARCTAN, SurrogateKind.POLYNOMIAL]
QUANTIZERS = [BinarySign, TernarySign, Rounding, Flooring]
VALUES = torch.tensor([[-2.5, -0.3, 0.0, 0.4, 1.5], [3.0, -3.0, 0.1, -0.1, 0.0]])


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
@pytest.mark.parametrize("quantizer", QUANTIZERS)
def test_values_are_untouched_with_and_without_gradient(quantizer: type[Quantizer], surrogate: Surrogate) -> None:
    module = with_surrogate(quantizer(), surrogate)
    with torch.no_grad():
        expected = module(VALUES)
    assert torch.equal(module(VALUES.clone().requires_grad_()), expected)


def test_signs_by_hand() -> None:
    assert BinarySign()(VALUES)[0].tolist() == [-1, -1, 1, 1, 1]
    assert TernarySign()(VALUES)[0].tolist() == [-1, -1, 0, 1, 1]
    assert BinarySign(threshold=0.4)(VALUES)[0].tolist() == [-1, -1, -1, 1, 1]


def test_roundings_by_hand() -> None:
    assert Rounding()(VALUES)[0].tolist() == [-2, 0, 0, 0, 2]
    assert Flooring()(VALUES)[0].tolist() == [-3, -1, 0, 0, 1]
    assert Flooring(up=True)(VALUES)[0].tolist() == [-2, 0, 0, 1, 2]


def gradient(surrogate: Surrogate) -> torch.Tensor:
    leaf = VALUES.clone().requires_grad_()
    (result,) = torch.autograd.grad(BinarySign(surrogate=surrogate)(leaf).sum(), leaf)
    return result


def test_slopes_by_hand() -> None:
    assert torch.equal(gradient(Surrogate()), torch.ones_like(VALUES))
    assert gradient(Surrogate.usual(SurrogateKind.CLIPPED, 1.0))[0].tolist() == [0, 1, 1, 1, 0]
    # Mean |z| of the first image is 0.94, so the triangle of relative width 2 is 1.88 wide.
    expected = torch.tensor([0.0, 1 - 0.3 / 1.88, 1.0, 1 - 0.4 / 1.88, 1 - 1.5 / 1.88])
    assert torch.allclose(gradient(Surrogate.usual(SurrogateKind.TRIANGULAR, 2.0))[0], expected)


@pytest.mark.parametrize(
    ("kind", "at_half", "at_two"),
    [
        (SurrogateKind.POLYNOMIAL, 0.75, 0.0),
        (SurrogateKind.TANH, 0.7864477329659274, 0.07065082485316447),  # 1 / cosh(1/2)^2, 1 / cosh(2)^2
        (SurrogateKind.ARCTAN, 0.8, 0.2),
    ],
)
def test_shapes_by_hand(kind: SurrogateKind, at_half: float, at_two: float) -> None:
    z = torch.tensor([0.0, 1.5, -1.5, 6.0, -6.0], dtype=torch.float64)
    slopes = slope_of_sign(z, torch.tensor(3.0, dtype=z.dtype), kind)
    assert slopes.tolist() == pytest.approx([1.0, at_half, at_half, at_two, at_two], abs=1e-12)


def test_the_tail_of_tanh_is_neither_lost_nor_overflows() -> None:
    slopes = slope_of_sign(torch.tensor([30.0, 1e30]), torch.tensor(1.0), SurrogateKind.TANH)
    assert float(slopes[0]) == pytest.approx(4 * math.exp(-60), rel=1e-5)
    assert float(slopes[1]) == 0


@pytest.mark.parametrize("kind", SMOOTH)
def test_second_derivatives_are_the_slope_s_slope(kind: SurrogateKind) -> None:
    z = torch.tensor([[-2.2, -0.7, -0.1, 0.3, 1.1, 1.9]], dtype=torch.float64)
    leaf, width = z.clone().requires_grad_(), torch.tensor(1.5, dtype=torch.float64)
    output = BinarySign(surrogate=Surrogate(kind, 1.5))(leaf)
    (first,) = torch.autograd.grad(output.sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), leaf)
    around = [slope_of_sign(z + shift, width, kind) for shift in (1e-6, -1e-6)]
    assert second.abs().max() > 0.1
    assert torch.allclose(second, (around[0] - around[1]) / 2e-6, atol=1e-8)


def test_adaptive_width_is_the_image_s_own() -> None:
    surrogate = Surrogate.usual(SurrogateKind.TRIANGULAR, 0.35)
    leaf = VALUES[1:].clone().requires_grad_()
    (alone,) = torch.autograd.grad(BinarySign(surrogate=surrogate)(leaf).sum(), leaf)
    assert torch.equal(alone[0], gradient(surrogate)[1])


@pytest.mark.parametrize("surrogate", SURROGATES, ids=str)
def test_forward_mode_and_batched_backward_agree_with_reverse_mode(surrogate: Surrogate) -> None:
    module = BinarySign(surrogate=surrogate)
    expected = gradient(surrogate)
    _, tangent = torch.func.jvp(module, (VALUES,), (torch.ones_like(VALUES),))
    assert torch.equal(tangent, expected)
    leaf = VALUES.clone().requires_grad_()
    seeds = torch.stack([torch.ones_like(VALUES), 2 * torch.ones_like(VALUES)])
    (rows,) = torch.autograd.grad(module(leaf), leaf, seeds, is_grads_batched=True)
    assert torch.equal(rows[1], 2 * expected)


def test_the_surrogate_can_be_differentiated_again() -> None:
    leaf = torch.tensor([[0.5, -0.2]], requires_grad=True)
    output = BinarySign(surrogate=Surrogate())(leaf * leaf)
    (first,) = torch.autograd.grad(output.sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), leaf)
    assert torch.allclose(first, 2 * leaf)
    assert torch.allclose(second, torch.full_like(leaf, 2.0))


def test_choosing_a_surrogate_copies_the_steps_and_shares_the_weights() -> None:
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), BinarySign())
    twin = with_surrogate(network, Surrogate.usual(SurrogateKind.CLIPPED, 1.0))
    assert twin[0].weight is network[0].weight
    assert twin[1].surrogate.kind is SurrogateKind.CLIPPED
    assert network[1].surrogate.kind is SurrogateKind.IDENTITY
