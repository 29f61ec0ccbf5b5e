"""Comparisons and whole numbers as numbers with a gradient.

A comparison of the image's values with a threshold has no derivative, and neither have whole numbers. Wherever they become
floats again, the float is computed again from steps that have a surrogate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import fx

from bnnaudit.models.checkpoint.tracing.recording import MOVING, Recording, example, is_float, op_of
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.quantization.recorded_steps import RecordedRounding, RecordedStairs

HELD = {"ge": (True, True), "gt": (True, False), "le": (False, True), "lt": (False, False)}
"""Whether a comparison of values with a threshold holds above it, and whether it holds on it."""
MIRRORED = {"ge": "le", "gt": "lt", "le": "ge", "lt": "gt"}
ARITHMETIC = frozenset({"mul", "add", "sub", "div", "neg", "rsub", "sum", "mean", "abs", "maximum", "minimum", "clamp"})
CASTS = frozenset({"_to_copy", "to", "type_as"})
NEGATIONS = frozenset({"logical_not", "bitwise_not"})

aten = torch.ops.aten


@dataclass(frozen=True, slots=True)
class Threshold:
    """A comparison: whether `values` are above a threshold, which itself counts as above unless `strict`."""

    values: fx.Node
    threshold: float
    above: bool
    strict: bool

    @property
    def negated(self) -> Threshold:
        """The comparison that holds where this one does not."""
        return Threshold(self.values, self.threshold, not self.above, self.strict)

    def step(self, held: float, otherwise: float) -> BinarySign:
        """The step that is `held` where the comparison holds."""
        levels = (otherwise, held) if self.above else (held, otherwise)
        return BinarySign(self.threshold, levels=levels, strict=self.strict)


@dataclass(slots=True)
class Numbers:
    """Reads comparisons, and computes floats for booleans and whole numbers."""

    recording: Recording
    known: dict[fx.Node, fx.Node | None] = field(default_factory=dict)

    def threshold(self, node: object) -> Threshold | None:
        """The comparison that a node of booleans is, if it is one."""
        if not isinstance(node, fx.Node) or not self.recording.varies(node):
            return None
        name = op_of(node)
        if name in NEGATIONS:
            inner = self.threshold(node.args[0])
            return None if inner is None else inner.negated
        if name in ("eq", "ne"):
            return self._sign_tested(node, name)
        if name not in HELD:
            return None
        values, other = node.args[:2]
        if not self.recording.varies(values):
            values, other, name = other, values, MIRRORED[name]
        above, on_it = HELD[name]
        found = self._compared(node, values, other)
        return None if found is None else Threshold(*found, above, on_it != above)

    def _compared(self, node: fx.Node, values: object, other: object) -> tuple[fx.Node, float] | None:
        """What is compared with a number: in IEEE arithmetic x - t >= 0 exactly where x >= t."""
        source, number = self.of(values), self.recording.splat(other)
        if source is None:
            return None
        if number is not None:
            return source, number
        threshold = self.of(other) if self.recording.varies(other) else other
        if threshold is None:
            return None
        return self.recording.function(aten.sub.Tensor, (source, threshold), node, _kind(source)), 0.0

    def _sign_tested(self, node: fx.Node, name: str) -> Threshold | None:
        """sign(x) == 1, sign(x) != -1 and the like."""
        values, number = self.recording.signed(node.args[0]), self.recording.splat(node.args[1])
        if values is None or number not in (-1.0, 1.0):
            return None
        found = Threshold(values, 0.0, number == 1.0, number == 1.0)
        return found if name == "eq" else found.negated

    def of(self, node: object) -> fx.Node | None:
        """A node as floats with a gradient: itself where it is one, else computed again; None where that cannot be done."""
        if not isinstance(node, fx.Node):
            return None
        if is_float(node) or not self.recording.varies(node):
            return node
        if node not in self.known:
            self.known[node] = self._anew(node)
        return self.known[node]

    def _anew(self, node: fx.Node) -> fx.Node | None:
        found = self.threshold(node)
        if found is not None:
            return self.recording.call("sign", found.step(1.0, 0.0), (found.values,), node, _kind(found.values))
        name = op_of(node)
        if name in MOVING or name in ARITHMETIC:
            return self._same_operator(node)
        match name:
            case "logical_not" | "bitwise_not":
                return self._logic(node, lambda one, _: (aten.rsub.Scalar, (one, 1.0)))
            case "logical_and" | "bitwise_and" | "__and__":
                return self._logic(node, lambda one, two: (aten.mul.Tensor, (one, two)))
            case "logical_or" | "bitwise_or" | "__or__":
                return self._logic(node, lambda one, two: (aten.maximum.default, (one, two)))
            case "cat" | "stack":
                return self._joined(node)
            case name if name in CASTS:
                return self._cast(node)
            case "bucketize" | "searchsorted":
                return self._stairs(node)
            case _:
                return None

    def _logic(self, node: fx.Node, write: Callable[[fx.Node, fx.Node], tuple[Any, tuple[Any, ...]]]) -> fx.Node | None:
        """Of booleans alone: with whole numbers the same operators work bit by bit."""
        value = example(node)
        parts = [part for part in (self.of(given) for given in node.args) if part is not None]
        if value is None or value.dtype is not torch.bool or len(parts) < len(node.args):
            return None
        target, arguments = write(parts[0], parts[-1])
        return self.recording.function(target, arguments, node, _kind(parts[0]))

    def _same_operator(self, node: fx.Node) -> fx.Node | None:
        """The same operator over floats."""
        arguments = [self.of(part) if self.recording.varies(part) else part for part in node.args]
        lost = any(part is None and given is not None for part, given in zip(arguments, node.args, strict=True))
        if lost or set(node.kwargs) - {"dtype"}:
            return None
        return self.recording.function(node.target, arguments, node, torch.float32)

    def _joined(self, node: fx.Node) -> fx.Node | None:
        listed = node.args[0]
        assert isinstance(listed, list | tuple)
        parts = [self.of(part) for part in listed]
        if None in parts or not all(self.recording.varies(part) for part in listed):
            return None
        return self.recording.function(node.target, (parts, *node.args[1:]), node, torch.float32)

    def _cast(self, node: fx.Node) -> fx.Node | None:
        """Booleans and whole numbers as others: the same numbers. Floats as whole numbers: cut off towards zero."""
        given, wanted = node.args[0], example(node)
        if not isinstance(given, fx.Node) or wanted is None or wanted.dtype is torch.bool:
            return None
        if not is_float(given):
            return self.of(given)
        plain = self._plain(node, given)
        return self.recording.call("truncate", RecordedRounding("truncate"), (given, plain), plain)

    def _stairs(self, node: fx.Node) -> fx.Node | None:
        """The number of thresholds, all stored, that lie below each value."""
        values, stored = node.args[:2] if op_of(node) == "bucketize" else (node.args[1], node.args[0])
        source, thresholds = self.of(values), self.recording.constant(stored)
        if source is None or thresholds is None or thresholds.dim() != 1 or len(thresholds) == 0:
            return None
        if len(thresholds) == 1:
            step = BinarySign(float(thresholds[0]), levels=(0.0, 1.0), strict=not node.kwargs.get("right", False))
            return self.recording.call("sign", step, (source,), node, _kind(source))
        stairs = RecordedStairs(thresholds.float(), torch.arange(len(thresholds) + 1).float())
        plain = self._plain(node, source)
        return self.recording.call("quantize", stairs, (source, plain), plain)

    def _plain(self, node: fx.Node, like: fx.Node) -> fx.Node:
        """The node's whole numbers as floats of the type of `like`, without a gradient."""
        kind = _kind(like)
        return self.recording.function(aten._to_copy.default, (node,), node, kind, dtype=kind)


def _kind(node: fx.Node) -> torch.dtype:
    value = example(node)
    return torch.float32 if value is None else value.dtype
