"""The layers that a network runs through, whatever they are called and however they are nested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class LayerCall:
    """One layer's run: its name, what it was given first and what it made of it, both with a row for each image."""

    name: str
    layer: nn.Module
    given: Tensor
    made: Tensor


def layer_calls(network: nn.Module, run: Callable[[], object]) -> tuple[LayerCall, ...]:
    """The innermost modules that turn a batch into a batch while `run` runs, in the order in which they finish.

    A part that is no layer of its own, such as a holder of weights, does not take its owner's place.
    """
    calls: list[LayerCall] = []

    def note(name: str, layer: nn.Module, given: tuple[object, ...], made: object) -> None:
        first = given[0] if given else None
        if isinstance(first, Tensor) and isinstance(made, Tensor) and first.shape[:1] == made.shape[:1] != ():
            calls.append(LayerCall(name, layer, first, made))

    handles = [
        module.register_forward_hook(lambda layer, given, made, name=name: note(name, layer, given, made))
        for name, module in network.named_modules()
        if not isinstance(module, torch.jit.ScriptModule)  # which takes no hooks
    ]
    try:
        run()
    finally:
        for handle in handles:
            handle.remove()
    names = {call.name for call in calls}
    owners = {
        name for name in names if any(other != name and other.startswith(f"{name}." if name else "") for other in names)
    }
    return tuple(call for call in calls if call.name not in owners)
