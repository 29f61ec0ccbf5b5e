"""The relaxed network: its values by hand, its gradient against differences, and the network that it narrows to."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.onnx_import.converters.multithreshold import MultiThreshold
from bnnaudit.onnx_import.operands import Operands
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.interception import InterceptedNetwork
from bnnaudit.quantization.quantizers import BinarySign, with_surrogate
from bnnaudit.quantization.relaxed import RelaxedNetwork
from bnnaudit.quantization.uniform import UniformQuantizer

WIDTH = 0.7
Z = torch.tensor([[-2.6, -1.2, -0.3, 0.4, 0.8, 2.3]], dtype=torch.float64)
"""Away from every threshold below: as the width narrows, each goes to one side."""


class Onto(UniformQuantizer):
    """Two bits in steps of 1: -2 to 1."""

    def forward(self, values: Tensor) -> Tensor:
        return self.quantize(values, torch.ones((), dtype=values.dtype))


class Foreign(nn.Module):
    """Somebody's module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, values: Tensor) -> Tensor:
        return self.function(values)


def multithreshold(threshold: float) -> MultiThreshold:
    """Levels 1 and 3 (scale 2, bias 1)."""
    stored = torch.tensor([[threshold]], dtype=torch.float64)
    return MultiThreshold(1, 2.0, 1.0, False, Operands([stored]))


def heaviside(values: Tensor) -> Tensor:
    return torch.heaviside(values, torch.ones_like(values))


def tanh(z: Tensor, width: float) -> Tensor:
    return torch.tanh(z / width)


def stairs(z: Tensor, width: float) -> Tensor:
    """Half a tanh for each of the steps at -1.5, -0.5 and 0.5, up from -2."""
    return -2 + sum(((tanh(z - threshold, width) + 1) / 2 for threshold in (-1.5, -0.5, 0.5)), torch.zeros_like(z))


STEPS: dict[str, tuple[nn.Module, Callable[[Tensor, float], Tensor]]] = {
    "-1 and 1": (BinarySign(), tanh),
    "0 and 1": (BinarySign(levels=(0.0, 1.0)), lambda z, width: (tanh(z, width) + 1) / 2),
    "-1 and 1 from 0.5 on": (BinarySign(threshold=0.5), lambda z, width: tanh(z - 0.5, width)),
    "two bits": (Onto(Grid.whole(2, signed=True)), stairs),
    "foreign sign": (InterceptedNetwork(Foreign(torch.sign), Surrogate()), tanh),
    "foreign heaviside": (InterceptedNetwork(Foreign(heaviside), Surrogate()), lambda z, w: (tanh(z, w) + 1) / 2),
    "one threshold": (multithreshold(0.2), lambda z, width: 2 + tanh(z - 0.2, width)),
}


def relaxed(name: str, width: float) -> nn.Module:
    return RelaxedNetwork(STEPS[name][0], Surrogate.parse(f"relaxed:{width}:absolute"))


@pytest.mark.parametrize("name", STEPS)
def test_values_by_hand_and_gradients_are_those_of_the_smooth_function(name: str) -> None:
    leaf, expected = Z.clone().requires_grad_(), STEPS[name][1]
    values = relaxed(name, WIDTH)(leaf)
    assert torch.allclose(values, expected(Z, WIDTH), atol=1e-7)
    (gradient,) = torch.autograd.grad(values.sum(), leaf)
    differences = (expected(Z + 1e-6, WIDTH) - expected(Z - 1e-6, WIDTH)) / 2e-6
    assert torch.allclose(gradient, differences, atol=1e-6)


@pytest.mark.parametrize("name", STEPS)
def test_it_computes_the_same_with_gradients_and_without(name: str) -> None:
    network = relaxed(name, WIDTH)
    with torch.no_grad():
        plain = network(Z)
        assert not torch.equal(STEPS[name][0](Z), STEPS[name][1](Z, WIDTH))
    assert not plain.requires_grad
    assert torch.equal(network(Z.clone().requires_grad_()), plain)


@pytest.mark.parametrize("kind", [kind for kind in SurrogateKind])
@pytest.mark.parametrize("name", STEPS)
def test_no_surrogate_changes_a_value_of_the_network_itself(name: str, kind: SurrogateKind) -> None:
    chosen = with_surrogate(STEPS[name][0], Surrogate.usual(kind))
    assert torch.equal(chosen(Z.clone().requires_grad_()), STEPS[name][0](Z))
    with torch.no_grad():
        assert torch.equal(chosen(Z), STEPS[name][0](Z))


def test_the_surrogate_of_the_network_itself_is_the_slope_of_tanh() -> None:
    leaf = Z.clone().requires_grad_()
    values = with_surrogate(BinarySign(), Surrogate.parse(f"relaxed:{WIDTH}:absolute"))(leaf)
    (gradient,) = torch.autograd.grad(values.sum(), leaf)
    assert torch.allclose(gradient, 1 - tanh(Z, WIDTH) ** 2)


def test_it_leaves_the_network_as_it_was() -> None:
    step = BinarySign()
    RelaxedNetwork(step, Surrogate.usual(SurrogateKind.RELAXED))
    assert step.surrogate == Surrogate()


@pytest.mark.parametrize("name", STEPS)
def test_as_the_width_narrows_the_values_become_the_step_s(name: str) -> None:
    step = STEPS[name][0](Z)
    distances = [float((relaxed(name, width)(Z) - step).abs().max()) for width in (0.7, 0.2, 0.05, 0.01)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] > 0.1
    assert distances[-1] < 1e-6


def test_a_grid_of_many_levels_stays_as_it_is() -> None:
    quantizer = RelaxedNetwork(Onto(Grid.whole(4, signed=True)), Surrogate.parse("relaxed:0.7:absolute"))
    assert torch.equal(quantizer(Z.clone().requires_grad_()), torch.round(Z))


def deep() -> nn.Module:
    """Two hidden layers of signs in double precision."""
    generator = torch.Generator().manual_seed(3)
    sizes = [(6, 5), (5, 4), (4, 3)]
    layers: list[nn.Module] = []
    for before, after in sizes:
        layer = nn.Linear(before, after).double().requires_grad_(False)
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
        layers += [layer, BinarySign()]
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("surrogate", ["relaxed:0.5:absolute", "relaxed:2:absolute"])
def test_a_network_s_gradient_is_that_of_the_smooth_network(surrogate: str) -> None:
    network = RelaxedNetwork(deep(), Surrogate.parse(surrogate))
    leaf = Z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(leaf)[0, 0], leaf)
    shifts = 1e-6 * torch.eye(6, dtype=torch.float64)
    with torch.no_grad():
        ahead, behind = network(Z + shifts)[:, 0], network(Z - shifts)[:, 0]
    assert gradient.abs().max() > 1e-3
    assert torch.allclose(gradient[0], (ahead - behind) / 2e-6, atol=1e-6)


def test_a_network_relaxed_ever_less_becomes_itself() -> None:
    smooth = [RelaxedNetwork(deep(), Surrogate.parse(f"relaxed:{width}:absolute")) for width in (1.0, 1e-1, 1e-3)]
    distances = [float((network(Z) - deep()(Z)).abs().max()) for network in smooth]
    assert distances[0] > 0.1
    assert distances[-1] < 1e-6
