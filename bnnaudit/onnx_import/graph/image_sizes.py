"""Sizes that depend on the values of the image: small on one image, they may be too large for any machine on another."""

from __future__ import annotations

from collections.abc import Mapping

from onnx import NodeProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.file_limits import LIFTED
from bnnaudit.core.limits import limited
from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN, Graph, inputs_with_bodies

GROWN_BY: dict[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "MaxUnpool": (2,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Resize": (1, 2, 3),
    "Tile": (1, 2),
    "Upsample": (1,),
}
"""Operators with an import whose results may be of any size, and the inputs whose values say of which."""
CUT_BY: dict[str, tuple[int, ...]] = {
    "NonZero": (0,),
    "Reshape": (1,),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "TopK": (1,),
}
"""The same for operators whose results are hardly larger than what they take."""
MEASURING = frozenset({"Shape", "Size"})
"""Operators that return the shape of what they take."""
SHAPE_ONLY = MEASURING | {"EyeLike", "RandomNormalLike", "RandomUniformLike"}
"""Operators whose results follow from the shape of what they take, not from its values."""


def check_image_sizes(graph: Graph) -> None:
    """Refuses a simplified graph in which a size that depends on the values of its input has no bound; raises ModelError.

    No trial can show how large such a network becomes. A size that is at most that of another value is taken, but not two of
    them in one operator, which may multiply them. Limits that are lifted let everything pass.
    """
    if not limited():
        return
    varying = {info.name for info in graph.proto.input}
    open_sizes: set[str] = set()
    for node in graph.nodes:
        taken = inputs_with_bodies(node)
        if varying.isdisjoint(taken) and open_sizes.isdisjoint(taken):
            continue
        standard = node.domain == STANDARD_DOMAIN
        sized = open_sizes & taken
        if (standard and varying & _sizes(node, GROWN_BY)) or len(sized) > 1:
            raise ModelError(
                f"the size of {node.output[0]!r}, which {node.op_type} makes, depends on the values of the image: it may be "
                f"small in a trial and of any size later; refused ({LIFTED})"
            )
        made = {name for name in node.output if name}
        if not (standard and node.op_type in SHAPE_ONLY) or sized:
            varying |= made
        cut = standard and varying & _sizes(node, CUT_BY)
        if cut or (sized and not (standard and node.op_type in MEASURING)):
            open_sizes |= made


def _sizes(node: NodeProto, places: Mapping[str, tuple[int, ...]]) -> set[str]:
    return {node.input[place] for place in places.get(node.op_type, ()) if place < len(node.input)}
