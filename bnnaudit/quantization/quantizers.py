"""Modules for the steps of a network that are not differentiable, and how to choose their gradient."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from bnnaudit.core.surrogate import STRAIGHT_THROUGH, Surrogate
from bnnaudit.quantization.grids import RoundingMode, rounded
from bnnaudit.quantization.surrogates import between_levels, binary_sign, round_step, sign_step


class UsesSurrogate(nn.Module):
    """A module whose backward pass uses a surrogate that can be chosen: a quantizer, or a network of foreign code."""

    def __init__(self, surrogate: Surrogate = STRAIGHT_THROUGH) -> None:
        super().__init__()
        self.surrogate = surrogate


class Quantizer(UsesSurrogate):
    """A step without a useful gradient of its own; `surrogate` stands in for it.

    `op` names the step for people (`sign`, `round`), `bits` is its precision, None where unknown.
    """

    op = "quantizer"
    bits: int | None = None


class BinarySign(Quantizer):
    """`levels[0]` below `threshold`, `levels[1]` from it on (above it with `strict`): by default sign with sign(0) = +1."""

    op = "sign"
    bits = 1

    def __init__(
        self,
        threshold: float = 0.0,
        surrogate: Surrogate = STRAIGHT_THROUGH,
        levels: tuple[float, float] = (-1.0, 1.0),
        strict: bool = False,
    ) -> None:
        super().__init__(surrogate)
        self.threshold = threshold
        self.levels = levels
        self.strict = strict

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of the two levels; the gradient is the surrogate's times half their distance."""
        sign = binary_sign(values, self.threshold, self.strict)
        step = sign_step(values - self.threshold if self.threshold else values, sign, self.surrogate)
        low, high = self.levels
        if (low, high) == (-1.0, 1.0):
            return step
        return between_levels(step, torch.where(sign > 0, high, low).to(values.dtype), self.levels, self.surrogate)


class TernarySign(Quantizer):
    """The mathematical sign: -1, 0 or +1, with sign(0) = 0."""

    op = "sign"
    bits = 2

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of -1, 0 and +1; whole numbers have no gradient."""
        if not values.is_floating_point():
            return torch.sign(values)
        return sign_step(values, torch.sign(values.detach()), self.surrogate)


class Rounding(Quantizer):
    """To the nearest whole number, halves by `mode`, to even by default; the straight-through gradient is 1."""

    op = "round"

    def __init__(self, mode: RoundingMode = RoundingMode.HALF_EVEN) -> None:
        super().__init__()
        self.mode = mode

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of whole numbers."""
        return round_step(values, rounded(values.detach(), self.mode))


class Flooring(Quantizer):
    """To the next whole number below (or above with `up`); the straight-through gradient is 1."""

    def __init__(self, up: bool = False) -> None:
        super().__init__()
        self.up = up
        self.op = "ceil" if up else "floor"

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of whole numbers."""
        return round_step(values, torch.ceil(values.detach()) if self.up else torch.floor(values.detach()))


def named_quantizers(network: nn.Module) -> Iterator[tuple[str, Quantizer]]:
    """The quantizers of a network with their module paths, in the order of registration."""
    for name, module in network.named_modules():
        if isinstance(module, Quantizer):
            yield name, module


def shared_copy(network: nn.Module) -> nn.Module:
    """A copy of the network's modules that shares its weights."""
    shared = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, memo=shared)


def with_surrogate(network: nn.Module, surrogate: Surrogate) -> nn.Module:
    """A copy of the network that uses `surrogate` in every quantizer; weights are shared, the original is left as it was.

    The network itself where every quantizer uses that one already, for a copy takes as long as a pass of a small network.
    """
    if all(module.surrogate == surrogate for module in network.modules() if isinstance(module, UsesSurrogate)):
        return network
    twin = shared_copy(network)
    for module in twin.modules():
        if isinstance(module, UsesSurrogate):
            module.surrogate = surrogate
    return twin
