"""Signs, however they are written: as an operator, a comparison, a choice between two numbers, values that are overwritten."""

from __future__ import annotations

import torch
from torch import fx

from bnnaudit.models.checkpoint.tracing.comparisons import ARITHMETIC, CASTS, HELD, NEGATIONS, Numbers, Threshold
from bnnaudit.models.checkpoint.tracing.recording import MOVING, SIGNS, Recording, example, is_float, op_of, same_shape
from bnnaudit.models.graph_walk import reached
from bnnaudit.quantization.quantizers import BinarySign, Quantizer, TernarySign
from bnnaudit.quantization.recorded_steps import Chosen, RecordedSign

ELEMENTWISE = frozenset(
    {
        *("mul", "add", "sub", "div", "rsub", "neg", "abs", "pow", "square", "reciprocal", "sqrt", "clamp", "relu"),
        *("exp", "expm1", "log", "log1p", "sigmoid", "tanh", "sin", "cos", "erf", "softplus", "hardtanh", "elu"),
    }
)
"""Operators that compute each value of the values at its place."""
JUMP = 0.1
"""Of a factor's size at 1: what it may be at 0 so that a sign times it makes no step there; not tuned."""

aten = torch.ops.aten


def recognise_binarizations(recording: Recording) -> None:
    """Puts steps with a surrogate in place of signs, choices and comparisons that become floats."""
    numbers = Numbers(recording)
    _write_choices(recording)
    for node in reversed(_relevant(recording)):
        if op_of(node) == "where":
            _choice(recording, numbers, node)
    recording.tidied()
    for node in _relevant(recording):
        if op_of(node) in SIGNS or op_of(node) in ("div", "copysign", "heaviside"):
            _sign(recording, numbers, node)
    for node in _relevant(recording):
        if is_float(node):
            _become_floats(recording, numbers, node)
    recording.tidied()


def _relevant(recording: Recording) -> list[fx.Node]:
    """The nodes that a gradient may come to, in the order in which they run."""
    relevant = recording.relevant()
    return [node for node in recording.graph.nodes if node in relevant and node.op == "call_function"]


def _write_choices(recording: Recording) -> None:
    """Values that are overwritten where a mask holds, as choices."""
    for node in _relevant(recording):
        masked = _overwritten(recording, node)
        if masked is not None:
            mask, value, base = masked
            recording.replace(node, recording.function(aten.where.self, (mask, value, base), node))


def _overwritten(recording: Recording, node: fx.Node) -> tuple[fx.Node, object, fx.Node] | None:
    """Mask, new value and what it is written over, of masked_fill(base, mask, c) and of base[mask] = c."""
    if op_of(node) not in ("masked_fill", "index_put"):
        return None
    base, mask, value = node.args[:3]
    if isinstance(mask, list | tuple):
        mask = mask[0] if len(mask) == 1 else None
    number = recording.splat(value)
    if number is None or not isinstance(mask, fx.Node) or not isinstance(base, fx.Node) or not same_shape(mask, base):
        return None
    kind = example(mask)
    if kind is None or kind.dtype is not torch.bool or not recording.varies(mask):
        return None
    like = example(base)
    stored = aten.full_like.default
    return mask, recording.function(stored, (base, number), node, None if like is None else like.dtype), base


def _choice(recording: Recording, numbers: Numbers, node: fx.Node) -> None:
    """where(comparison, a, b) with branches that have no gradient of their own."""
    condition, *branches = node.args[:3]
    held, otherwise = branches
    zero = _replaced_zero(recording, condition, held, otherwise)
    if zero is not None:
        recording.replace(node, recording.call("sign", zero[1], (zero[0],), node))
        return
    found = numbers.threshold(condition)
    if found is None:
        return
    sides = _branch(numbers, found, held), _branch(numbers, found.negated, otherwise)
    one, two = (recording.splat(side) for side in sides)
    if one is not None and two is not None and one != two:
        recording.replace(node, recording.call("sign", found.step(one, two), (found.values,), node))
    elif all(_is_flat(recording, side) for side in sides):
        step = recording.call("sign", found.step(1.0, 0.0), (found.values,), node)
        recording.replace(node, recording.call("chosen", Chosen(), (node, step, *sides), node))


def _replaced_zero(
    recording: Recording, condition: object, held: object, otherwise: object
) -> tuple[fx.Node, Quantizer] | None:
    """where(sign(x) == 0, c, sign(x)) with c = 1 or -1: the sign with sign(0) = c."""
    level, values = recording.splat(held), recording.signed(otherwise)
    if not isinstance(condition, fx.Node) or op_of(condition) != "eq" or values is None or level not in (-1.0, 1.0):
        return None
    tested, number = condition.args[:2]
    if recording.splat(number) != 0 or (tested is not values and recording.signed(tested) is not values):
        return None
    return values, BinarySign(strict=level == -1.0)


def _branch(numbers: Numbers, holds: Threshold, branch: object) -> object:
    """What a branch is where `holds` does: of a choice by the same comparison, or its opposite, the one side."""
    while isinstance(branch, fx.Node) and op_of(branch) == "where":
        inner = numbers.threshold(branch.args[0])
        if inner == holds:
            branch = branch.args[1]
        elif inner is not None and inner.negated == holds:
            branch = branch.args[2]
        else:
            break
    return branch


def _is_flat(recording: Recording, value: object) -> bool:
    """Whether nothing but steps can change a value: numbers, steps, and arithmetic of both."""
    if not recording.varies(value):
        return True
    assert isinstance(value, fx.Node)
    if isinstance(recording.called(value), Quantizer) or not is_float(value) or op_of(value) in (*SIGNS, "heaviside"):
        return True
    inner = op_of(value) in ARITHMETIC or op_of(value) in MOVING or op_of(value) in ("where", "_to_copy")
    return inner and all(_is_flat(recording, part) for part in value.all_input_nodes)


def _sign(recording: Recording, numbers: Numbers, node: fx.Node) -> None:
    """sign(x), and the operators that make one of x: x / |x|, copysign(1, x), heaviside(x, v)."""
    values, other = node.args[0], node.args[1] if len(node.args) > 1 else None
    if not isinstance(values, fx.Node) or not is_float(values):
        return
    match op_of(node):
        case "sign" | "sgn" if node.users and all(_gives_sign_to(recording, node, values, user) for user in node.users):
            recording.masks.add(node)
        case "sign" | "sgn":
            shifted = _shifted_sign(recording, values)
            step: Quantizer = TernarySign() if shifted is None else BinarySign(strict=shifted[1])
            source = values if shifted is None else shifted[0]
            recording.replace(node, recording.call("sign", step, (source,), node))
        case "div" if op_of(other) == "abs" and other.args[0] is values:  # type: ignore[union-attr]
            recording.replace(node, recording.call("sign", RecordedSign(), (values, node), node))
        case "copysign" if isinstance(other, fx.Node) and (size := recording.splat(values)):
            recording.replace(node, recording.call("sign", RecordedSign((-abs(size), abs(size))), (other, node), node))
        case "heaviside" if (number := recording.splat(other)) in (
            0.0,
            1.0,
        ):  # a sign, which methods for such networks take
            step = BinarySign(levels=(0.0, 1.0), strict=number == 0.0)
            recording.replace(node, recording.call("sign", step, (values,), node))
        case "heaviside":
            recording.replace(node, recording.call("sign", RecordedSign((0.0, 1.0)), (values, node), node))


def _shifted_sign(recording: Recording, values: fx.Node) -> tuple[fx.Node, bool] | None:
    """sign(sign(x) + c) with 0 < |c| < 1: x, and whether sign(0) is -1."""
    if op_of(values) not in ("add", "sub"):
        return None
    source, shift = recording.signed(values.args[0]), recording.splat(values.args[1])
    if source is None or shift is None or not 0 < abs(shift) < 1:
        return None
    return source, (shift < 0) != (op_of(values) == "sub")


def _become_floats(recording: Recording, numbers: Numbers, node: fx.Node) -> None:
    """A cast of booleans or whole numbers to floats, or arithmetic of them with floats."""
    if op_of(node) in CASTS:
        given = node.args[0]
        gates = any(_gates(recording, given, user, node) for user in node.users)
        if gates or _is_zero_of_sign(recording, given):
            recording.masks.add(node)
            return
        anew = None if is_float(given) else numbers.of(given)
        if anew is not None:
            _use(recording, node, anew)
    elif op_of(node) in ARITHMETIC:
        for part in node.all_input_nodes:
            counted = recording.varies(part) and not is_float(part) and not _gates(recording, part, node, part)
            anew = numbers.of(part) if counted else None
            if anew is not None:
                node.replace_input_with(part, anew)


def _is_zero_of_sign(recording: Recording, node: object) -> bool:
    """sign(x) == 0, which holds at one point: what is written over it leaves the step that the sign is."""
    if not isinstance(node, fx.Node) or op_of(node) not in ("eq", "ne"):
        return False
    return recording.signed(node.args[0]) is not None and recording.splat(node.args[1]) == 0


def _gates(recording: Recording, comparison: object, user: fx.Node, mask: fx.Node) -> bool:
    """Whether a comparison lets the very values through that it compares, as in x * (x > 0): that is no binarisation."""
    while isinstance(comparison, fx.Node) and op_of(comparison) in NEGATIONS:
        comparison = comparison.args[0]
    if not isinstance(comparison, fx.Node) or op_of(comparison) not in HELD or op_of(user) != "mul":
        return False
    sources = [part for part in comparison.all_input_nodes if recording.varies(part)]
    others = [part for part in user.all_input_nodes if part is not mask]
    return any(_derived(part, source) for part in others for source in sources)


def _gives_sign_to(recording: Recording, sign: fx.Node, values: fx.Node, user: fx.Node) -> bool:
    """Whether a sign multiplies a function of the very values that vanishes with them, as in sign(x) * relu(|x| - t)."""
    others = [part for part in user.all_input_nodes if part is not sign]
    if op_of(user) != "mul" or len(others) != 1 or not recording.varies(others[0]) or not _derived(others[0], values):
        return False
    jump, *sizes = (_computed_of(recording, others[0], values, number) for number in (0.0, 1.0, -1.0))
    return jump is not None and any(size is not None and abs(jump) <= JUMP * abs(size) > 0 for size in sizes)


def _computed_of(recording: Recording, node: object, source: fx.Node, number: float) -> float | None:
    """What a node is where every value of `source` is this number; None where that takes more than elementwise operators."""
    if node is source:
        return number
    if not recording.varies(node):
        return recording.splat(node)
    assert isinstance(node, fx.Node)
    if op_of(node) not in ELEMENTWISE or node.kwargs:
        return None
    arguments = []
    for part in node.args:
        known = _computed_of(recording, part, source, number) if isinstance(part, fx.Node) else part
        if known is None and part is not None:
            return None
        arguments.append(torch.tensor(known) if isinstance(part, fx.Node) else known)
    return float(node.target(*arguments))  # type: ignore[operator]


def _derived(node: fx.Node, source: fx.Node) -> bool:
    """Whether each value of a node is computed of the source's value at its place."""

    def onward(part: fx.Node) -> list[fx.Node]:
        return part.all_input_nodes if op_of(part) in ELEMENTWISE and same_shape(part, source) else []

    return node is source or any(part is source for part in reached([node], onward))


def _use(recording: Recording, node: fx.Node, anew: fx.Node) -> None:
    """`anew` in place of the cast `node`, in its type."""
    wanted, made = example(node), example(anew)
    if wanted is not None and made is not None and wanted.dtype is not made.dtype:
        anew = recording.function(aten._to_copy.default, (anew,), node, wanted.dtype, dtype=wanted.dtype)
    recording.replace(node, anew)
