"""Roundings to a grid, however they are written: round, floor and their kin beside a clip, and fake quantization."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx

from bnnaudit.models.checkpoint.tracing.comparisons import CASTS
from bnnaudit.models.checkpoint.tracing.fake_quantization import PER_TENSOR
from bnnaudit.models.checkpoint.tracing.recording import MOVING, Recording, example, is_float, op_of, same_shape
from bnnaudit.quantization.grids import MOST_BETWEEN, Ends, affine, whole_ends
from bnnaudit.quantization.quantizers import Quantizer
from bnnaudit.quantization.recorded_steps import FakeQuantization, GradientOfSum, RecordedGrid, RecordedRounding

SHIFTS = {"round": 0.0, "floor": -0.5, "ceil": 0.5}
"""What is added to a value before it is rounded to the nearest whole number, for each way of rounding."""
SIDES = ("gt", "ge", "lt", "le")
OTHERS = frozenset({"trunc", "fix"})
FOUND_BY_REST = frozenset({"frac", "remainder", "fmod"})
FAKE = "bnnaudit::fake_quantize"
QUANTIZED = "quantized_decomposed::quantize_per_"
DEQUANTIZED = "quantized_decomposed::dequantize_per_"


def recognise_roundings(recording: Recording) -> None:
    """Puts steps with a surrogate in place of roundings that a gradient may come to."""
    relevant = recording.relevant()
    for node in list(recording.graph.nodes):
        if node not in relevant or not is_float(node):
            continue
        name = op_of(node)
        if name in SHIFTS and len(node.args) == 1 and not node.kwargs:
            _rounding(recording, node, SHIFTS[name])
        elif name in SHIFTS or name in OTHERS:
            _passed_straight(recording, node, node.args[0], name)
        elif name in ("div", "floor_divide") and (node.kwargs.get("rounding_mode") or name == "floor_divide"):
            _whole_quotient(recording, node)
        elif name == "sub" and op_of(node.args[1]) in FOUND_BY_REST:
            _without_rest(recording, node)
        elif name in CASTS:
            _coarse_cast(recording, node)
        elif name == FAKE or name.startswith(DEQUANTIZED):
            _fake_quantization(recording, node)
    recording.tidied()


def write_clips(recording: Recording) -> None:
    """where(x > c, c, x) and its kin, which are clips, as such."""
    for node in list(recording.graph.nodes):
        condition = node.args[0] if op_of(node) == "where" else None
        if not isinstance(condition, fx.Node) or op_of(condition) not in SIDES or len(node.args) != 3:
            continue
        values, end = condition.args[:2]
        number = recording.splat(end)
        kept = [part for part in node.args[1:] if part is not values]
        if number is None or len(kept) != 1 or recording.splat(kept[0]) != number or not recording.varies(values):
            continue
        above = op_of(condition) in ("gt", "ge")
        ends = (None, number) if above == (node.args[2] is values) else (number, None)
        recording.replace(node, recording.function(torch.ops.aten.clamp.default, (values, *ends), node))
    recording.tidied()


def _rounding(recording: Recording, node: fx.Node, shift: float) -> None:
    op, values = op_of(node), node.args[0]
    centred = _centred(recording, values, shift)
    if centred is not None:
        op, values, shift = "round", centred, 0.0
    ends = _Clips(recording).ends(node, values)
    step: Quantizer = RecordedRounding(op) if ends is None else RecordedGrid(*ends, shift)
    recording.replace(node, recording.call(step.op, step, (values, node), node))


def _centred(recording: Recording, values: object, shift: float) -> fx.Node | None:
    """x of floor(x + 1/2) and of ceil(x - 1/2), which round to the nearest."""
    if not shift or not isinstance(values, fx.Node) or op_of(values) not in ("add", "sub") or values.kwargs:
        return None
    source, added = values.args[0], recording.splat(values.args[1])
    wanted = -shift if op_of(values) == "add" else shift
    return source if isinstance(source, fx.Node) and recording.varies(source) and added == wanted else None


def _passed_straight(recording: Recording, node: fx.Node, values: object, op: str) -> None:
    if isinstance(values, fx.Node) and is_float(values):
        recording.replace(node, recording.call(op, RecordedRounding(op), (values, node), node))


def _whole_quotient(recording: Recording, node: fx.Node) -> None:
    """x // s."""
    quotient = recording.function(torch.ops.aten.div.Tensor, node.args[:2], node)
    recording.replace(node, recording.call("floor", RecordedRounding("floor"), (quotient, node), node))


def _coarse_cast(recording: Recording, node: fx.Node) -> None:
    """Floats of 8 bits as longer ones: autograd would round the gradient to 8 bits as well, and most of it to 0."""
    coarse = node.args[0]
    while isinstance(coarse, fx.Node) and op_of(coarse) in MOVING:
        coarse = coarse.args[0]
    if not isinstance(coarse, fx.Node) or op_of(coarse) not in CASTS or not is_float(coarse):
        return
    kept, made, values = example(coarse), example(node), coarse.args[0]
    if kept is None or made is None or kept.itemsize > 1 or not same_shape(coarse, node) or not is_float(values):
        return
    assert isinstance(values, fx.Node)
    source = recording.function(torch.ops.aten._to_copy.default, (values,), node, made.dtype, dtype=made.dtype)
    recording.replace(node, recording.call("round", RecordedRounding("round"), (source, node), node))


def _without_rest(recording: Recording, node: fx.Node) -> None:
    """x - frac(x), x - x % s: the derivative of the rest is that of x, and the difference has none."""
    values, rest = node.args[:2]
    assert isinstance(rest, fx.Node)
    if rest.args[0] is values:
        _passed_straight(recording, node, values, "floor")


def _fake_quantization(recording: Recording, node: fx.Node) -> None:
    """Where the scale, the zero point and the ends of the grid are stored."""
    quantized = node if op_of(node) == FAKE else node.args[0]
    if not isinstance(quantized, fx.Node) or not op_of(quantized).startswith((FAKE, QUANTIZED)):
        return
    values, *stored = quantized.args
    scale, zero_point = (recording.constant(number) for number in stored[:2])
    rest = [int(number) for number in stored[2:] if isinstance(number, int)]
    axis, low, high = rest[:3] if len(rest) > 2 else (PER_TENSOR, *rest)
    like = example(values) if isinstance(values, fx.Node) else None
    if like is None or scale is None or zero_point is None:
        return
    scale, zero_point = (_along(number, axis, like.dim()) for number in (scale.float(), zero_point))
    step = FakeQuantization(scale.to(like.dtype), zero_point, low, high)
    recording.replace(node, recording.call(step.op, step, (values, node), node))


def _along(stored: Tensor, axis: int, axes: int) -> Tensor:
    """One value for each index of an axis, ready to be multiplied; a single one as it is."""
    return stored.reshape(()) if axis == PER_TENSOR else stored.reshape(-1, *(1,) * (axes - 1 - axis % axes))


@dataclass(frozen=True, slots=True)
class _Clips:
    """Looks for the clip beside a rounding, whatever scales and shifts stand between."""

    recording: Recording

    def ends(self, node: fx.Node, values: object) -> Ends | None:
        """The whole numbers to which a rounded value is clipped afterwards, or `values` before they are rounded."""
        found = (whole_ends(*ends) for ends in (self._behind(node), self._before(values)) if ends is not None)
        return next((ends for ends in found if ends is not None), None)

    def _behind(self, node: fx.Node) -> Ends | None:
        factor, shift = 1.0, 0.0
        for _ in range(MOST_BETWEEN + 1):
            user = self._only_user(node)
            if user is None:
                return None
            clip = self._clip(user) or self._clip_of_two(user)
            if clip is not None:
                return None if factor == 0 else ((clip[0] - shift) / factor, (clip[1] - shift) / factor)
            change = self._affine(user, node)
            if change is None:
                return None
            factor, shift, node = factor * change[0], shift * change[0] + change[1], user
        return None

    def _clip_of_two(self, node: fx.Node) -> Ends | None:
        """The ends of a clip that begins with one end, whose user has the other."""
        user = self._only_user(node) if self._sides(node) is not None else None
        return None if user is None else self._clip(user)

    def _before(self, value: object) -> Ends | None:
        factor, shift = 1.0, 0.0
        for _ in range(MOST_BETWEEN + 1):
            value = self._transparent(value)
            if not isinstance(value, fx.Node):
                return None
            clip = self._clip(value)
            if clip is not None:
                return clip[0] * factor + shift, clip[1] * factor + shift
            source = next((part for part in value.args if self.recording.varies(part)), None)
            change = self._affine(value, source)
            if change is None:
                return None
            shift += factor * change[1]
            factor *= change[0]
            value = source
        return None

    def _transparent(self, value: object) -> object:
        """What stands before a telescoped sum or a change of shape."""
        while isinstance(value, fx.Node):
            if op_of(value) in MOVING:
                value = value.args[0]
            elif isinstance(self.recording.called(value), GradientOfSum) and len(value.args) == 2:
                value = value.args[1]
            else:
                break
        return value

    def _only_user(self, node: fx.Node) -> fx.Node | None:
        """The one node that goes on with a value, behind telescoped sums that are given it."""
        relevant = self.recording.relevant()
        users = [user for user in node.users if user in relevant and node in self.recording.followed(user)]
        if len(users) != 1:
            return None
        (user,) = users
        passed = op_of(user) in MOVING or (
            isinstance(self.recording.called(user), GradientOfSum) and len(user.args) == 2
        )
        return self._only_user(user) if passed else user

    def _clip(self, node: fx.Node) -> Ends | None:
        """The ends of a clip by stored numbers, be it of one operator or one for each end."""
        sides = self._sides(node)
        if sides is None:
            return None
        low, high = sides
        inner = self._sides(node.args[0]) if low is None or high is None else None
        if inner is not None:
            low, high = inner[0] if low is None else low, inner[1] if high is None else high
        return None if low is None or high is None else (low, high)

    def _sides(self, node: object) -> tuple[float | None, float | None] | None:
        """The lower and the upper end that an operator clips to, None for an end that it has not; None for no clip."""
        if not isinstance(node, fx.Node):
            return None
        numbers = [self.recording.splat(part) for part in (*node.args[1:3], None, None)[:2]]
        match op_of(node):
            case "clamp" | "hardtanh" | "clip":
                missing = [len(node.args) <= place or node.args[place] is None for place in (1, 2)]
                known = all(number is not None or gone for number, gone in zip(numbers, missing, strict=True))
                return (numbers[0], numbers[1]) if known else None
            case "relu6":
                return 0.0, 6.0
            case "relu":
                return 0.0, None
            case "min" | "max" if not isinstance((*node.args, None, None)[1], fx.Node):  # along an axis
                return None
            case "minimum" | "clamp_max" | "min" if numbers[0] is not None:
                return None, numbers[0]
            case "maximum" | "clamp_min" | "max" if numbers[0] is not None:
                return numbers[0], None
            case _:
                return None

    def _affine(self, node: fx.Node, value: object) -> tuple[float, float] | None:
        """(factor, shift) of a node that multiplies `value` by a number or adds one; None for any other."""
        if op_of(node) not in ("mul", "div", "add", "sub") or node.kwargs or len(node.args) != 2:
            return None
        value_first = self._transparent(node.args[0]) is self._transparent(value)
        number = self.recording.splat(node.args[1 if value_first else 0])
        return None if number is None else affine(op_of(node), number, value_first)
