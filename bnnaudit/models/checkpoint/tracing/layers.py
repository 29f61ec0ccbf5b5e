"""Recorded operators with stored weights as modules with the names of the user's layers, and stored numbers as buffers.

So what looks for layers by their names finds them, and the network can be moved to another device or precision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, fx, nn

from bnnaudit.models.checkpoint.tracing.recording import Recording, op_of


class Layer(nn.Module):
    """One operator whose weights are stored; `arguments` has None where the value and the stored tensors go."""

    def __init__(
        self, target: Callable[..., Any], arguments: tuple[Any, ...], named: dict[str, Any], place: int
    ) -> None:
        super().__init__()
        self.target, self.named, self.place = target, named, place
        self.arguments = tuple(None if isinstance(part, Tensor) else part for part in arguments)
        self.stored = [index for index, part in enumerate(arguments) if isinstance(part, Tensor)]
        for index in self.stored:
            self.register_buffer(f"stored_{index}", arguments[index].detach())

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...)."""
        arguments = list(self.arguments)
        for index in self.stored:
            arguments[index] = getattr(self, f"stored_{index}")
        arguments[self.place] = values
        result: Tensor = self.target(*arguments, **self.named)
        return result


def name_layers(recording: Recording) -> None:
    """Lets modules stand for operators with weights, and buffers for all other stored numbers."""
    for node in list(recording.graph.nodes):
        if node.op == "call_function" and recording.varies(node):
            _as_module(recording, node)
    recording.tidied()
    for node in recording.graph.nodes:
        if node.op == "get_attr":
            _as_buffer(recording, str(node.target))


def _as_module(recording: Recording, node: fx.Node) -> None:
    """A node of one varying value, all other arguments of which are numbers or stored tensors, one at least with weights."""
    places = [index for index, part in enumerate(node.args) if recording.varies(part)]
    stored = {part: recording.constant(part) for part in node.all_input_nodes if not recording.varies(part)}
    tensors = [tensor for tensor in stored.values() if tensor is not None]
    listed = (held for part in node.args if isinstance(part, list | tuple) for held in part)
    plain = not any(isinstance(held, fx.Node) for held in listed)
    if len(places) != 1 or len(tensors) < len(stored) or not any(tensor.dim() for tensor in tensors) or not plain:
        return
    arguments = tuple(stored.get(part) if isinstance(part, fx.Node) else part for part in node.args)
    assert callable(node.target)
    layer = Layer(node.target, arguments, dict(node.kwargs), places[0])
    name = op_of(node) or str(getattr(node.target, "__name__", "layer"))
    recording.replace(node, recording.call(name, layer, (node.args[places[0]],), node))


def _as_buffer(recording: Recording, target: str) -> None:
    owner_name, _, name = target.rpartition(".")
    owner = recording.module.get_submodule(owner_name)
    tensor = getattr(owner, name)
    if isinstance(tensor, Tensor) and name not in owner._buffers:
        delattr(owner, name)
        owner.register_buffer(name, tensor.detach())
