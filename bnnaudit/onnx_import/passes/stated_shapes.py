"""What a file states of its values' shapes, held against what follows from its input: the latter is right.

Files are edited after their export, and then say batches of 1 behind an input whose batch is open, or scores of another
width. ONNX Runtime warns of it and goes on.
"""

from __future__ import annotations

from copy import deepcopy

from onnx import ModelProto, TensorShapeProto, ValueInfoProto

from bnnaudit.onnx_import.passes.shape_stand_ins import infer_shapes

INVENTED = "unk__"
"""How ONNX's inference begins the names of sizes that it does not know."""


def infer_against_stated(model: ModelProto) -> ModelProto:
    """A copy with the shapes and types that can be inferred; what the file states counts where nothing contradicts it."""
    bare = deepcopy(model)
    del bare.graph.value_info[:]
    for info in bare.graph.output:
        info.type.tensor_type.ClearField("shape")
    inferred = infer_shapes(bare)
    found = {info.name: info for info in (*inferred.graph.value_info, *inferred.graph.output)}
    stated = (*model.graph.value_info, *model.graph.output)
    telling = {info.name: info for info in stated if _adds(info, found.get(info.name))}
    if not telling:
        return inferred
    for info in bare.graph.output:
        if info.name in telling:
            info.CopyFrom(telling[info.name])
    bare.graph.value_info.extend(info for info in model.graph.value_info if info.name in telling)
    return infer_shapes(bare)


def _adds(stated: ValueInfoProto, found: ValueInfoProto | None) -> bool:
    """Whether a file says more of a value than inference found, and nothing against it."""
    if not stated.type.HasField("tensor_type"):
        return False
    if found is None or not found.type.tensor_type.elem_type:
        return True
    if not stated.type.tensor_type.HasField("shape"):
        return False
    if not found.type.tensor_type.HasField("shape"):
        return True
    pairs = list(zip(stated.type.tensor_type.shape.dim, found.type.tensor_type.shape.dim, strict=False))
    alike = len(stated.type.tensor_type.shape.dim) == len(found.type.tensor_type.shape.dim)
    tells_more = any(said.HasField("dim_value") and not size.HasField("dim_value") for said, size in pairs)
    return alike and tells_more and not any(_contradicts(*pair) for pair in pairs)


def _contradicts(stated: TensorShapeProto.Dimension, found: TensorShapeProto.Dimension) -> bool:
    """A size against another one, or against one that the input leaves open."""
    opened = bool(found.dim_param) and not found.dim_param.startswith(INVENTED)
    other = found.HasField("dim_value") and found.dim_value != stated.dim_value
    return bool(stated.HasField("dim_value") and (opened or other))
