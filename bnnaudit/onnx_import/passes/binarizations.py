"""Binarisations written with several nodes, recognised as the one step that they are.

An exporter has no operator for sign with sign(0) = +1, so it writes Sign -> Add -> Sign, or a comparison that chooses
between two constants. Taken node by node these have no useful gradient; as one step they get the surrogate's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onnx import NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.constant_inputs import splat
from bnnaudit.onnx_import.graph.graph import FLOATS, Graph, attribute, is_standard, own_node
from bnnaudit.onnx_import.graph.own_operators import BINARY_SIGN


@dataclass(frozen=True, slots=True)
class Binarization:
    """values < threshold -> low, values >= threshold -> high; the boundary itself is low with `strict`."""

    values: str
    threshold: str | float
    low: float
    high: float
    strict: bool


COMPARISONS = {
    "GreaterOrEqual": (True, True),
    "Greater": (True, False),
    "LessOrEqual": (False, True),
    "Less": (False, False),
}
"""Whether the comparison holds above the threshold, and whether it holds on it, for `values OP threshold`."""

COUNTING = frozenset({"ReduceSum", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten", "Identity"})
"""Operators that count truth values, or arrange them: thresholds that are passed are summed so, as by `bucketize`."""


def recognise_binarisations(graph: Graph) -> None:
    """Replace every binarisation of the graph by one node of our own; the name is that of its last node."""
    for node in list(graph.nodes):
        step = _step(graph, node)
        if step is not None and not _is_mask(graph, node, step):
            graph.replace([node], list(_written(graph, node, step)))
    graph.drop_dead()


def _step(graph: Graph, node: NodeProto) -> Binarization | None:
    found = (spelling(graph, node) for ops, spelling in SPELLINGS if is_standard(node, *ops))
    return next((step for step in found if step is not None), None)


def _is_mask(graph: Graph, node: NodeProto, step: Binarization) -> bool:
    """Whether the step gates the very values that it compares, as in x * (x > 0): that is no binarisation."""
    return any(user.op_type == "Mul" and step.values in user.input for user in graph.users(node.output[0]))


def _sign_of_shifted_sign(graph: Graph, node: NodeProto) -> Binarization | None:
    """Sign(Sign(x) + c) with 0 < |c| < 1: the sign with sign(0) = sign(c); written so by Larq and tf2onnx."""
    shift = graph.made_by(node.input[0], "Add", "Sub")
    if shift is None:
        return None
    pairs = [(shift.input[0], shift.input[1]), (shift.input[1], shift.input[0])]
    for inner, constant in pairs if shift.op_type == "Add" else pairs[:1]:
        first, offset = graph.made_by(inner, "Sign"), splat(graph, constant)
        if first is not None and offset is not None and 0 < abs(offset) < 1:
            below = (offset < 0) != (shift.op_type == "Sub")
            return Binarization(first.input[0], 0.0, -1.0, 1.0, strict=below)
    return None


def _replaced_zero(graph: Graph, node: NodeProto) -> Binarization | None:
    """Where(Sign(x) == 0, c, Sign(x)) with c = 1 or -1: the sign with sign(0) = c."""
    condition, filled, rest = node.input
    equal, sign, level = graph.made_by(condition, "Equal"), graph.made_by(rest, "Sign"), splat(graph, filled)
    if equal is None or sign is None or level not in (-1, 1):
        return None
    tested = [name for name in equal.input if splat(graph, name) != 0]
    if tested not in ([rest], [sign.input[0]]):
        return None
    return Binarization(sign.input[0], 0.0, -1.0, 1.0, strict=level == -1)


def _positive_sign(graph: Graph, node: NodeProto) -> Binarization | None:
    """Relu(Sign(x)), Max(Sign(x), 0) and Clip(Sign(x), 0, 1): 1 above zero, else 0."""
    signs = {name: maker for name in node.input[:2] if (maker := graph.made_by(name, "Sign")) is not None}
    if len(signs) != 1 or len(node.input) > (2 if node.op_type == "Max" else 3):
        return None
    ends = [splat(graph, name) for name in node.input if name and name not in signs]
    if node.op_type == "Clip" and not ends:
        ends = [attribute(node, "min"), attribute(node, "max")]
    if ends != {"Relu": [], "Max": [0.0], "Clip": [0.0, 1.0]}[node.op_type]:
        return None
    (sign,) = signs.values()
    return Binarization(sign.input[0], 0.0, 0.0, 1.0, strict=True)


def _over_its_size(graph: Graph, node: NodeProto) -> Binarization | None:
    """x / |x|: the sign, but for x = 0, of which it makes no number."""
    size = graph.made_by(node.input[1], "Abs")
    found = size is not None and size.input[0] == node.input[0]
    return Binarization(node.input[0], 0.0, -1.0, 1.0, strict=False) if found else None


def _choice(graph: Graph, node: NodeProto) -> Binarization | None:
    """Where(x >= t, a, b) and its kin, with constants a != b."""
    held, otherwise = splat(graph, node.input[1]), splat(graph, node.input[2])
    if held is None or otherwise is None or held == otherwise:
        return None
    return _compared(graph, node.input[0], held, otherwise)


def _cast_comparison(graph: Graph, node: NodeProto) -> Binarization | None:
    """Cast(x >= t) to float: 1 where it holds, else 0; to whole numbers too, where they are only scaled and made floats."""
    wanted = attribute(node, "to") in FLOATS or _become_floats(graph, node.output[0])
    return _compared(graph, node.input[0], 1.0, 0.0) if wanted else None


def _become_floats(graph: Graph, value: str) -> bool:
    """Whether all that is made of whole numbers is their sums and multiples by constants, cast to floats in the end."""
    if graph.is_output(value):
        return False
    return all(_becomes_floats(graph, user, value) for user in graph.users(value))


def _becomes_floats(graph: Graph, user: NodeProto, value: str) -> bool:
    if is_standard(user, "Cast"):
        return attribute(user, "to") in FLOATS
    counted = is_standard(user, *COUNTING) and user.input[0] == value
    scaled = is_standard(user, "Mul", "Add", "Sub") and any(splat(graph, name) is not None for name in user.input)
    return (counted or scaled) and list(user.input).count(value) == 1 and _become_floats(graph, user.output[0])


def _compared(graph: Graph, condition: str, held: float, otherwise: float) -> Binarization | None:
    """The step that is `held` where a comparison of floats holds, behind a Not the other way round."""
    node = graph.maker(condition)
    if is_standard(node, "Not"):
        return _compared(graph, node.input[0], otherwise, held)
    # PyTorch's exporter casts truth values to truth values before a Where.
    to_truth = is_standard(node, "Cast") and attribute(node, "to") == TensorProto.BOOL
    if node is not None and (to_truth or is_standard(node, "Identity")):
        return _compared(graph, node.input[0], held, otherwise)
    if not is_standard(node, *COMPARISONS):
        return None
    above, on_it = COMPARISONS[node.op_type]
    values, threshold = node.input
    if _is_stored(graph, values):
        values, threshold, above = threshold, values, not above
    if not _is_stored(graph, threshold) or graph.element_type(values) not in FLOATS:
        return None
    scalar = splat(graph, threshold)
    low, high = (otherwise, held) if above else (held, otherwise)
    # On the threshold the step is `held` if the comparison holds there; `strict` says that it is `low` there.
    return Binarization(values, threshold if scalar is None else scalar, low, high, strict=on_it != above)


def _is_stored(graph: Graph, value: str) -> bool:
    """Whether a value is a stored tensor, or one that is expanded to the size of others."""
    expanded = graph.made_by(value, "Expand")
    return graph.constant(value if expanded is None else expanded.input[0]) is not None


def _written(graph: Graph, node: NodeProto, step: Binarization) -> Iterator[NodeProto]:
    """The nodes that replace the last node of a binarisation, whose output keeps its name.

    A threshold that is a tensor is subtracted first: in IEEE arithmetic x - t >= 0 exactly where x >= t.
    """
    values, threshold = step.values, step.threshold
    if isinstance(threshold, str):
        values, threshold = graph.fresh_name(f"{node.output[0]}_above"), 0.0
        yield helper.make_node("Sub", [step.values, str(step.threshold)], [values], name=f"{node.name}_threshold")
    settings = {"threshold": threshold, "low": step.low, "high": step.high, "strict": int(step.strict)}
    yield own_node(BINARY_SIGN, [values], node.output, node.name, **settings)


Spelling = Callable[[Graph, NodeProto], Binarization | None]

SPELLINGS: tuple[tuple[tuple[str, ...], Spelling], ...] = (
    (("Sign",), _sign_of_shifted_sign),
    (("Where",), _replaced_zero),
    (("Where",), _choice),
    (("Cast",), _cast_comparison),
    (("Relu", "Max", "Clip"), _positive_sign),
    (("Div",), _over_its_size),
)
"""Operators that end a binarisation, and what recognises it."""
