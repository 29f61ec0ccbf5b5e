"""Steps that only their values tell of: an operator that no pattern knows and that hands back no gradient.

Where each of its values depends on one value before it alone, and jumps between a few levels, it is a stair; its thresholds
are read off the values that a few images give.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from bnnaudit.loaders.tracing.recording import Recording, is_float, op_of, same_shape
from bnnaudit.quantization.staircases import PlainStairs

MOST_LEVELS = 256
"""Of a stair; a measured function of more values is none. The most that 8 bits can tell apart."""


def stairs_between(given: Tensor, made: Tensor) -> PlainStairs | None:
    """The stair that takes each value of given (...) to made (...); None where made is no stair, up or down, of given."""
    before, order = given.detach().flatten().sort()
    after = made.detach().flatten()[order]
    jumps = (after[1:] != after[:-1]).nonzero().flatten()
    if not 1 <= len(jumps) < MOST_LEVELS or len(torch.unique(after)) != len(jumps) + 1:
        return None
    thresholds = (before[jumps] + before[jumps + 1]) / 2
    levels = torch.cat([after[jumps], after[-1:]])
    return PlainStairs(thresholds, levels) if bool((thresholds[1:] > thresholds[:-1]).all()) else None


def measure_steps(recording: Recording, inputs: Tensor) -> tuple[str, ...]:
    """Puts stairs where a gradient ends; the names of the operators at which it still ends.

    inputs (N, *input_shape): the more values there are the nearer the thresholds come.
    """
    unseen: list[str] = []
    known: set[fx.Node] = set(recording.masks)
    while True:
        run = _Run(recording, known)
        run.over(inputs)
        if run.end is None:
            return tuple(dict.fromkeys(unseen))
        node, known = run.end, known | {run.end}
        before = _sole_source(recording, node, run)
        stairs = None if before is None else stairs_between(run.values[before], run.values[node])
        if before is None or stairs is None:
            unseen.append(op_of(node) or str(node.target))
            continue
        recording.replace(node, recording.call(stairs.op, stairs, (before, node), node))


@dataclass(slots=True)
class _Run:
    """The values of all floats, and the first node at which the gradient ends that is not `known`."""

    recording: Recording
    known: set[fx.Node]
    values: dict[fx.Node, Tensor] = field(default_factory=dict)
    end: fx.Node | None = None

    def over(self, inputs: Tensor) -> None:
        self.recording.module.recompile()
        relevant, leaf = self.recording.relevant(), inputs.detach().clone().requires_grad_()
        watcher = _Watcher(self.recording.module)
        with torch.enable_grad():
            watcher.run(leaf)
        last = watcher.seen.get(self.recording.result) if self.recording.result is not None else None
        dead = isinstance(last, Tensor) and not _comes_through(last, leaf)
        for node in self.recording.graph.nodes:
            value = watcher.seen.get(node)
            if node not in relevant or not isinstance(value, Tensor) or not value.is_floating_point():
                continue
            self.values[node] = value
            if node not in self.known and _ends_at(node, value, leaf, dead):
                self.end = node
                return


def _ends_at(node: fx.Node, value: Tensor, leaf: Tensor, dead: bool) -> bool:
    """Whether no gradient comes through a node; asked of operators of torch's own only where the whole network is `dead`."""
    if not value.requires_grad:
        return True
    return (dead or "::" in op_of(node)) and not _comes_through(value, leaf)


def _comes_through(value: Tensor, leaf: Tensor) -> bool:
    """Whether any gradient comes from a value back to the image."""
    if not value.requires_grad:
        return False
    weights = torch.linspace(0.5, 1.5, value.numel(), device=value.device, dtype=value.dtype).view_as(value)
    try:
        (gradient,) = torch.autograd.grad(value, leaf, weights, retain_graph=True, allow_unused=True)
    except RuntimeError:  # a foreign operator without a derivative
        return False
    return gradient is not None and bool(gradient.any())


class _Watcher(fx.Interpreter):
    """Keeps what every node made."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module, garbage_collect_values=False)
        self.seen: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        result = super().run_node(n)
        self.seen[n] = result
        return result


def _sole_source(recording: Recording, node: fx.Node, run: _Run) -> fx.Node | None:
    """The nearest node before of the same shape, with a gradient, through which alone the image comes to `node`."""
    for before in reversed(list(run.values)):
        alike = before is not node and same_shape(before, node) and is_float(before)
        if alike and run.values[before].requires_grad and not _reaches(recording, node, around=before):
            return before
    return None


def _reaches(recording: Recording, node: fx.Node, around: fx.Node) -> bool:
    """Whether the image comes to a node by a way around another one."""
    waiting, seen = [node], {node}
    while waiting:
        for before in waiting.pop().all_input_nodes:
            if before is recording.given and before is not around:
                return True
            if before is not around and before not in seen and recording.varies(before):
                seen.add(before)
                waiting.append(before)
    return False
