"""A cast to whole numbers that is cast back at once: the truncation that it is, with a gradient."""

from __future__ import annotations

from onnx import NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.element_types import SHORT, WHOLE
from bnnaudit.onnx_import.graph.graph import FLOATS, OWN_DOMAIN, STANDARD_DOMAIN, Graph, attribute
from bnnaudit.onnx_import.passes.quantized_as_float import QUANTIZES_TO, TRUNCATE


def recognise_truncations(graph: Graph) -> None:
    """Let floats carry the result of every Cast from floats to whole numbers whose users all cast it to floats."""
    for node in graph.nodes:
        if not _is_cast(node) or graph.element_type(node.input[0]) not in FLOATS:
            continue
        kind, made = attribute(node, "to"), node.output[0]
        users = graph.users(made)
        back = users and all(_is_cast(user) and attribute(user, "to") in FLOATS for user in users)
        if kind not in SHORT | WHOLE or not back or graph.is_output(made):
            continue
        node.op_type, node.domain = TRUNCATE, OWN_DOMAIN
        del node.attribute[:]
        node.attribute.append(helper.make_attribute(QUANTIZES_TO, kind))
        for info in graph.proto.value_info:
            if info.name == made:
                info.type.tensor_type.elem_type = TensorProto.FLOAT


def _is_cast(node: NodeProto) -> bool:
    return bool(node.op_type == "Cast" and node.domain == STANDARD_DOMAIN)
