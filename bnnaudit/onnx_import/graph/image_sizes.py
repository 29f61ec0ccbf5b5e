"""Sizes that depend on the values of the image: small on one image, they may be too large for any machine on another."""

from __future__ import annotations

from onnx import NodeProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.limits import LIFTED, limited
from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN, Graph, inputs_with_bodies

SIZED_BY: dict[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,),
    "Expand": (1,),
    "MaxUnpool": (2,),
    "NonZero": (0,),
    "OneHot": (1,),
    "Pad": (1,),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Tile": (1, 2),
    "TopK": (1,),
    "Upsample": (1,),
}
"""Operators with an import whose results have sizes that follow from values, and the inputs with these."""
SHAPE_ONLY = frozenset({"EyeLike", "RandomNormalLike", "RandomUniformLike", "Shape", "Size"})
"""Operators whose results follow from the shape of what they take, not from its values."""


def check_image_sizes(graph: Graph) -> None:
    """Refuses a simplified graph with a size that depends on the values of its input; raises ModelError.

    No trial can show how large such a network becomes. Limits that are lifted let it pass.
    """
    if not limited():
        return
    varying = {info.name for info in graph.proto.input}
    for node in graph.nodes:
        if varying.isdisjoint(inputs_with_bodies(node)):
            continue
        standard = node.domain == STANDARD_DOMAIN
        if standard and any(name in varying for name in _sizes(node)):
            raise ModelError(
                f"the size of {node.output[0]!r}, which {node.op_type} makes, depends on the values of the image: it may be "
                f"small in a trial and of any size later; refused ({LIFTED})"
            )
        if not (standard and node.op_type in SHAPE_ONLY):
            varying.update(name for name in node.output if name)


def _sizes(node: NodeProto) -> list[str]:
    return [node.input[position] for position in SIZED_BY.get(node.op_type, ()) if position < len(node.input)]
