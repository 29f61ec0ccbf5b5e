"""Ways to break a network on purpose, one cause each: its answers stay what they were, or nearly, and attacks fail."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from bnnaudit.quantization.quantizers import BinarySign, Rounding


class Scale(nn.Module):
    """Multiplies by a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, values: Tensor) -> Tensor:
        return values * self.factor


class _Killed(torch.autograd.Function):
    """The identity with a zero gradient."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return values.clone()

    @staticmethod
    def backward(ctx: object, *gradients: Tensor) -> Tensor:
        return torch.zeros_like(gradients[0])


class Wall(nn.Module):
    """Passes values on and no gradient back."""

    def forward(self, values: Tensor) -> Tensor:
        return killed(values)


class ForeignForward(nn.Module):
    """A sequential network in code of its own, which calls a function before layer `place` that no module stands for."""

    def __init__(self, network: nn.Module, place: int, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(network.children())
        self.place, self.call = place, call

    def forward(self, values: Tensor) -> Tensor:
        for index, layer in enumerate(self.layers):
            values = layer(self.call(values) if index == self.place else values)
        return values


def killed(values: Tensor) -> Tensor:
    """The values through a hand-written function without a gradient."""
    result: Tensor = _Killed.apply(values)  # type: ignore[no-untyped-call]
    return result


class HardRounding(nn.Module):
    """Rounds values in [0, 1] to so many levels, as foreign code does it: no gradient comes back."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, values: Tensor) -> Tensor:
        steps = self.levels - 1
        result: Tensor = _Killed.apply((values * steps).round() / steps)  # type: ignore[no-untyped-call]
        return result


class Dropped(nn.Module):
    """Dropout that was left on."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        return nn.functional.dropout(values, self.share, training=True)


class BatchCentred(nn.Module):
    """Subtracts the batch's own mean, as a normalisation in training mode does."""

    def forward(self, values: Tensor) -> Tensor:
        return values - values.mean(dim=0, keepdim=True)


class WinnersTakeAll(nn.Module):
    """Keeps the largest `share` of each image's values and sets the others to zero ([Xiao et al. 2020])."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, values: Tensor) -> Tensor:
        flat = values.flatten(1)
        kept = max(1, round(self.share * flat.shape[1]))
        threshold = flat.topk(kept, dim=1).values[:, -1:]
        return (flat * (flat >= threshold)).view_as(values)


def before(network: nn.Module, *layers: nn.Module) -> nn.Module:
    """Layers in front of a network."""
    return nn.Sequential(*layers, network)


def behind(network: nn.Module, *layers: nn.Module) -> nn.Module:
    """Layers after a network."""
    return nn.Sequential(network, *layers)


def passed_rounding(network: nn.Module, levels: int) -> nn.Module:
    """The input rounded by a step that the audit knows and passes straight through."""
    return before(network, Scale(levels - 1.0), Rounding(), Scale(1 / (levels - 1)))


def steep_signs(network: nn.Module, factor: float) -> nn.Module:
    """What goes into each sign multiplied by a positive factor: no sign changes, but a surrogate of fixed width is blocked."""
    twin = copy.deepcopy(network)
    for parent in list(twin.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BinarySign):
                setattr(parent, name, nn.Sequential(Scale(factor), child))
    return twin


def honest_scale(network: nn.Module, images: Tensor, gap: float = 4.0) -> nn.Module:
    """The network with its logits divided so that the median gap of the two largest is `gap`, as a float network's is."""
    with torch.no_grad():
        top = network(images).topk(2, dim=1).values
    return behind(network, Scale(gap / float((top[:, 0] - top[:, 1]).median())))
