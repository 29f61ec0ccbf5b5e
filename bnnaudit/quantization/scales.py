"""The scale of each layer, in which the widths of its surrogate may be given: measured once, then handed to the steps in turn.

Steps are told apart by the order in which a forward pass takes them, which needs no names and so serves foreign code too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from bnnaudit.quantization.step_hooks import StepTaken, watching

_TURN: ContextVar[Iterator[float] | None] = ContextVar("scales of the steps to come", default=None)


class ScaledNetwork(nn.Module):
    """A network whose steps, one after the other, take their widths as multiples of `scales`."""

    def __init__(self, network: nn.Module, scales: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.scales = tuple(scales)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> logits (N, d)."""
        token = _TURN.set(iter(self.scales))
        try:
            logits: Tensor = self.network(inputs)
        finally:
            _TURN.reset(token)
        return logits


def next_scale() -> float | None:
    """Called by every step whose surrogate has a width: the scale of its layer, None where none was measured."""
    turn = _TURN.get()
    return None if turn is None else next(turn, None)


def layer_scales(network: nn.Module, inputs: Tensor) -> tuple[float, ...]:
    """The mean |z| before each step, over network inputs (N, ...)."""
    return tuple(float(z.abs().mean()) for z in _before_steps(network, inputs))


def reach_scales(network: nn.Module, inputs: Tensor, moved: Tensor) -> tuple[float, ...]:
    """How far z moves before each step, mean |z(moved) - z(inputs)|, for network inputs and moved (N, ...)."""
    pairs = zip(_before_steps(network, inputs), _before_steps(network, moved), strict=True)
    return tuple(float((after - before).abs().mean()) for before, after in pairs)


def _before_steps(network: nn.Module, inputs: Tensor) -> list[Tensor]:
    """What goes into each step whose surrogate has a width, in the order of the forward pass."""
    found: list[Tensor] = []

    def note(step: StepTaken) -> None:
        if step.scaled:
            found.append(step.z.detach().double())

    with watching(note), torch.enable_grad():
        network(inputs.detach().requires_grad_())
    return found
