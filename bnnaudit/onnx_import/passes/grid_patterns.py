"""Uniform quantizers written with plain operators: a rounding beside a clip to whole numbers, whatever scales them.

The rounding learns the ends of its grid and becomes the one quantizer; the clip and the scales stay, as they are
differentiable. A clip behind it hands the gradient on as it comes: by itself it would stop that of the numbers on its ends,
which are half of the levels where there are four. Written so by hand, and by exporters of fake quantization:
`clamp(round(x / s), -8, 7) * s`, or `round(clamp(x, 0, 1) * 15) / 15`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from onnx import NodeProto, helper

from bnnaudit.onnx_import.graph.constant_inputs import clip_ends, splat
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, attribute, is_standard, make_own
from bnnaudit.onnx_import.graph.own_operators import BEHIND_STEP, GRID_STEP, MODE, ROUND_BY
from bnnaudit.quantization.grids import MOST_BETWEEN, Ends, affine, whole_ends

ROUNDINGS = {"Round": "HALF_EVEN", "Floor": "FLOOR", "Ceil": "CEIL"}


def recognise_grids(graph: Graph) -> None:
    """Turn every rounding whose values are clipped to known whole numbers into a `GridStep`."""
    for node in graph.nodes:
        mode = _mode(node)
        if mode is None:
            continue
        clip, ends = _clipped_behind(graph, node.output[0])
        if ends is None:
            ends = _clipped_before(graph, node.input[0])
        grid = None if ends is None else whole_ends(*ends)
        if grid is not None:
            if clip is not None:
                clip.attribute.append(helper.make_attribute(BEHIND_STEP, 1))
            scale, shift = _scale_behind(graph, node.output[0])
            make_own(node, GRID_STEP, mode=mode, low=grid[0], high=grid[1], scale=scale, shift=shift)


def _mode(node: NodeProto) -> str | None:
    """How a node rounds; None where it does not."""
    if node.domain == OWN_DOMAIN and node.op_type == ROUND_BY:
        return str(attribute(node, MODE).decode())
    return ROUNDINGS.get(node.op_type) if node.domain == STANDARD_DOMAIN else None


def _behind(graph: Graph, value: str) -> Iterator[tuple[NodeProto | None, float, float]]:
    """The nodes in a row behind a value, scales, shifts and clips and one more, with what turns the value into their input.

    That is a factor and a shift, with which clips have nothing to do. The last node is None where the row ends.
    """
    factor, shift = 1.0, 0.0
    for _ in range(2 * MOST_BETWEEN + 1):
        users = graph.users(value)
        node = users[0] if len(users) == 1 and not graph.is_output(value) else None
        yield node, factor, shift
        if node is None:
            return
        if clip_ends(graph, node) is None:
            change = _affine(graph, node, value)
            if change is None:
                return
            factor, shift = factor * change[0], shift * change[0] + change[1]
        value = node.output[0]


def _clipped_behind(graph: Graph, value: str) -> tuple[NodeProto | None, Ends | None]:
    """The clip of a rounded value at once, or after a zero point was added, and the ends that it leaves."""
    for node, factor, shift in islice(_behind(graph, value), MOST_BETWEEN + 1):
        ends = clip_ends(graph, node)
        if ends is not None:
            return (None, None) if factor == 0 else (node, ((ends[0] - shift) / factor, (ends[1] - shift) / factor))
    return None, None


def _clipped_before(graph: Graph, value: str) -> Ends | None:
    """The ends that a clip before the rounding leaves it."""
    factor, shift = 1.0, 0.0
    for _ in range(MOST_BETWEEN + 1):
        node = graph.maker(value)
        ends = clip_ends(graph, node)
        if ends is not None:
            return ends[0] * factor + shift, ends[1] * factor + shift
        source = None if node is None else _variable_input(graph, node)
        change = None if node is None or source is None else _affine(graph, node, source)
        if change is None or source is None:
            return None
        shift += factor * change[1]
        factor *= change[0]
        value = source
    return None


def _scale_behind(graph: Graph, value: str) -> tuple[float, float]:
    """Factor and shift from the grid to what the quantizer returns, as far as its nodes are scales and clips."""
    *_, (_, factor, shift) = _behind(graph, value)
    return factor, shift


def _variable_input(graph: Graph, node: NodeProto) -> str | None:
    """The one input of a node that is not a constant number."""
    found = [name for name in node.input if name and splat(graph, name) is None]
    return found[0] if len(found) == 1 else None


def _affine(graph: Graph, node: NodeProto, value: str) -> tuple[float, float] | None:
    """(factor, shift) of a node that multiplies `value` by a number or adds one; None for any other."""
    if not is_standard(node, "Mul", "Div", "Add", "Sub") or len(node.input) != 2:
        return None
    first = node.input[0] == value
    number = splat(graph, node.input[1 if first else 0])
    if number is None or node.input[0] == node.input[1]:
        return None
    return affine(node.op_type.lower(), number, first)
