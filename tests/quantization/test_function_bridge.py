"""Hand-written autograd functions without a gradient are found in the graph, and bridged where that is sound."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.quantization.function_bridge import FunctionBridge, killing_functions


class Zero(torch.autograd.Function):
    """Rounds, with a zero gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return values.round()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return torch.zeros_like(gradients[0])


class Grid(torch.autograd.Function):
    """Rounds to a grid of given and learnt step, with a zero gradient to both tensors."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, levels: int, scale: Tensor) -> Tensor:
        return (values * levels * scale).round() / levels

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return torch.zeros_like(gradients[0]), None, torch.zeros(())


class Nothing(Zero):
    """Rounds, and tells autograd of no gradient at all."""

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return None


class Thrice(Zero):
    """Rounds, with a gradient of its own: thrice for positive values, none for the others."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.save_for_backward(values)
        return values.round()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (values,) = ctx.saved_tensors
        return 3 * gradients[0] * (values > 0)


class Foreign(nn.Module):
    """A linear layer after a function."""

    def __init__(self, function: type[torch.autograd.Function], *rest: object) -> None:
        super().__init__()
        self.function, self.rest = function, rest
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.layer = nn.Linear(4, 3)

    def forward(self, values: Tensor) -> Tensor:
        rest = (*self.rest, self.scale) if self.rest else ()
        result: Tensor = self.layer(self.function.apply(values, *rest))  # type: ignore[no-untyped-call]
        return result


def gradient(network: nn.Module, images: Tensor) -> Tensor | None:
    points = images.clone().requires_grad_()
    found: Tensor | None = torch.autograd.grad(network(points).sum(), points, allow_unused=True)[0]
    return found


IMAGES = torch.rand(5, 4, generator=torch.Generator().manual_seed(0)) - 0.5


@pytest.mark.parametrize("network", [Foreign(Zero), Foreign(Grid, 7)])
def test_a_zero_gradient_is_replaced_by_what_arrived(network: Foreign) -> None:
    bridged = FunctionBridge(network)
    assert torch.equal(bridged(IMAGES), network(IMAGES))
    found, plain = gradient(bridged, IMAGES), gradient(network, IMAGES)
    assert found is not None
    assert plain is not None
    torch.testing.assert_close(found, network.layer.weight.sum(dim=0).expand(5, 4))
    assert not plain.any()


def test_a_gradient_of_its_own_stays_and_images_without_one_are_bridged() -> None:
    network = Foreign(Thrice)
    weights = network.layer.weight.sum(dim=0)
    images = torch.tensor([[0.3, -0.2, 0.1, -0.4], [-0.3, -0.2, -0.1, -0.4]])
    found = gradient(FunctionBridge(network), images)
    assert found is not None
    torch.testing.assert_close(found, torch.stack([3 * weights * (images[0] > 0), weights]))


def test_where_autograd_is_told_of_no_gradient_none_is_invented() -> None:
    assert gradient(FunctionBridge(Foreign(Nothing)), IMAGES) is None


@pytest.mark.parametrize(("network", "names"), [(Foreign(Zero), ("Zero",)), (Foreign(Thrice), ())])
def test_the_function_that_kills_the_gradient_is_named(network: nn.Module, names: tuple[str, ...]) -> None:
    points = IMAGES.clone().requires_grad_()
    result = network(points)
    assert killing_functions(result, lambda: torch.autograd.grad(result.sum(), points)) == names
