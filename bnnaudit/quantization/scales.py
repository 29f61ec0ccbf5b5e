"""The scale of each layer, which a surrogate's width may be a multiple of: measured once, then handed to the steps in turn.

Steps are identified by the order in which a forward pass takes them, which needs no names and so serves foreign code too. It
is checked that a pass takes as many steps as there are scales, or so many several times over, as a loop over a fixed batch does.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import zip_longest

import torch
from torch import Tensor, nn

from bnnaudit.quantization.step_hooks import StepTaken, step_hook


@dataclass(slots=True)
class _Turn:
    """The scales that a forward pass hands out, from the first on again after the last, and how many it has handed out."""

    scales: tuple[float, ...]
    taken: int = 0

    def next(self) -> float | None:
        if not self.scales:
            return None
        self.taken += 1
        return self.scales[(self.taken - 1) % len(self.scales)]

    @property
    def complete(self) -> bool:
        """Whether every scale went to the step that it was measured at."""
        return not self.scales or self.taken % len(self.scales) == 0


_TURN: ContextVar[_Turn | None] = ContextVar("scales of the steps to come", default=None)


class ScaledNetwork(nn.Module):
    """A network whose steps, one after the other, take their widths as multiples of `scales`.

    Where its code takes another number of steps for some images, the widths go by the image for these.
    """

    def __init__(self, network: nn.Module, scales: Sequence[float]) -> None:
        super().__init__()
        self.network = network
        self.scales = tuple(scales)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> logits (N, d)."""
        turn = _Turn(self.scales)
        token = _TURN.set(turn)
        try:
            logits: Tensor = self.network(inputs)
        finally:
            _TURN.reset(token)
        return logits if turn.complete else self.network(inputs)


def next_scale() -> float | None:
    """The scale of the layer of the step that calls it, whose surrogate has a width; None where none was measured."""
    turn = _TURN.get()
    return None if turn is None else turn.next()


def layer_scales(network: nn.Module, inputs: Tensor) -> tuple[float, ...]:
    """The mean |z| before each step, over network inputs (N, ...); nothing where it takes more steps for some than for others."""
    return _by_step(network, inputs, [float(z.abs().mean()) for z in _before_steps(network, inputs)])


def reach_scales(network: nn.Module, inputs: Tensor, moved: Tensor) -> tuple[float, ...]:
    """How far z moves before each step, mean |z(moved) - z(inputs)|, for network inputs and moved (N, ...); as `layer_scales`."""
    pairs = list(zip_longest(_before_steps(network, inputs), _before_steps(network, moved)))
    if any(before is None or after is None or before.shape != after.shape for before, after in pairs):
        return ()
    return _by_step(network, inputs, [float((after - before).abs().mean()) for before, after in pairs])


def _by_step(network: nn.Module, inputs: Tensor, sizes: Sequence[float]) -> tuple[float, ...]:
    """One size for each step of the network, in the mean over its passes where it takes the inputs a few at a time."""
    steps = len(_before_steps(network, inputs[:1]))
    if steps == 0 or len(sizes) % steps:
        return ()
    passes = len(sizes) // steps
    return tuple(sum(sizes[step::steps]) / passes for step in range(steps))


def _before_steps(network: nn.Module, inputs: Tensor) -> list[Tensor]:
    """What goes into each step whose surrogate has a width, in the order of the forward pass."""
    found: list[Tensor] = []

    def note(step: StepTaken) -> None:
        if step.scaled:
            found.append(step.z.detach().double())

    with step_hook(note), torch.enable_grad():
        network(inputs.detach().requires_grad_())
    return found
