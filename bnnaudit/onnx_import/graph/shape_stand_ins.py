"""Shape inference through operators of other domains, which stops ONNX's own: each is stood in for by a standard one.

A stand-in has the shape and the type of what it stands for, not the values; nothing is ever computed with it.
"""

from __future__ import annotations

from onnx import ModelProto, NodeProto, TensorProto, helper

from bnnaudit.onnx_import.graph.graph import attribute, qualified_name
from bnnaudit.onnx_import.graph.qonnx_domains import QONNX_DOMAINS
from bnnaudit.onnx_import.graph.safe_shape_inference import safely_inferred

# Operator -> the standard one, the positions of the inputs that it takes, and the attributes that they share.
_SHARED: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]] = {
    "com.microsoft.QLinearAdd": ("Add", (0, 3), ()),
    "com.microsoft.QLinearMul": ("Mul", (0, 3), ()),
    "com.microsoft.QLinearWhere": ("Where", (0, 1, 4), ()),
    "com.microsoft.QLinearSigmoid": ("Identity", (0,), ()),
    "com.microsoft.QLinearLeakyRelu": ("Identity", (0,), ()),
    "com.microsoft.QLinearSoftmax": ("Identity", (0,), ()),
    "com.microsoft.QLinearGlobalAveragePool": ("GlobalAveragePool", (0,), ()),
    "com.microsoft.QLinearAveragePool": (
        "AveragePool",
        (0,),
        ("kernel_shape", "pads", "strides", "auto_pad", "ceil_mode", "count_include_pad"),
    ),
    "com.microsoft.FusedConv": (
        "Conv",
        (0, 1),
        ("kernel_shape", "pads", "strides", "auto_pad", "dilations", "group"),
    ),
    "com.microsoft.FusedGemm": ("Gemm", (0, 1), ("transA", "transB")),
    "com.microsoft.QGemm": ("Gemm", (0, 3), ("transA", "transB")),
    "com.microsoft.DynamicQuantizeMatMul": ("MatMul", (0, 1), ()),
    "com.microsoft.MatMulIntegerToFloat": ("MatMul", (0, 1), ()),
    "com.microsoft.DequantizeLinear": ("DequantizeLinear", (0, 1, 2), ()),
    "com.microsoft.QuantizeLinear": ("QuantizeLinear", (0, 1, 2), ()),
    "com.microsoft.Gelu": ("Identity", (0,), ()),
    "com.microsoft.FastGelu": ("Identity", (0,), ()),
    "com.microsoft.BiasGelu": ("Identity", (0,), ()),
    "com.microsoft.QuickGelu": ("Identity", (0,), ()),
    "com.microsoft.SkipLayerNormalization": ("Identity", (0,), ()),
    "com.microsoft.SkipSimplifiedLayerNormalization": ("Identity", (0,), ()),
    **{
        f"{domain}.{op}": ("Identity", (0,), ())
        for domain in QONNX_DOMAINS
        for op in ("Quant", "IntQuant", "BipolarQuant", "FloatQuant", "Trunc", "MultiThreshold")
    },
}

# Operators that return floats although they take short numbers.
_FLOAT = frozenset({"com.microsoft.MatMulIntegerToFloat", "com.microsoft.DynamicQuantizeMatMul"})


def infer_shapes(model: ModelProto) -> ModelProto:
    """The model with the shapes and types that can be inferred; `model` comes back as it was."""
    nodes = list(model.graph.node)
    if all(_stand_in(node) is None for node in nodes):
        return safely_inferred(model)
    kept = [NodeProto.FromString(node.SerializeToString()) for node in nodes]
    written = [part for node in kept for part in _stand_in(node) or (node,)]
    _set_nodes(model, written)
    try:
        inferred = safely_inferred(model)
    finally:
        _set_nodes(model, kept)
    _set_nodes(inferred, kept)
    return inferred


def _set_nodes(model: ModelProto, nodes: list[NodeProto]) -> None:
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _stand_in(node: NodeProto) -> tuple[NodeProto, ...] | None:
    """What stands for a node; None for one that ONNX's inference knows, or that nothing stands for."""
    name = qualified_name(node)
    if name in _SHARED:
        op, positions, shared = _SHARED[name]
        inputs = [node.input[position] for position in positions if position < len(node.input)]
        settings = {key: value for key in shared if (value := attribute(node, key)) is not None}
        if name in _FLOAT or (node.op_type == "QGemm" and not any(node.input[7:])):
            return _as_float(node, op, inputs, settings)
        return (helper.make_node(op, inputs, node.output[:1], **settings),)
    if name == "com.microsoft.QLinearConcat":
        return (helper.make_node("Concat", list(node.input[2::3]), node.output[:1], axis=attribute(node, "axis")),)
    if name == "com.microsoft.QLinearReduceMean":
        settings = {key: value for key in ("axes", "keepdims") if (value := attribute(node, key)) is not None}
        return (helper.make_node("ReduceMean", list(node.input[:1]), node.output[:1], **settings),)
    if name == "com.microsoft.FusedMatMul":
        return _turned_product(node)
    return None


def _as_float(node: NodeProto, op: str, inputs: list[str], settings: dict[str, object]) -> tuple[NodeProto, ...]:
    """A stand-in whose result is a float whatever it takes."""
    inner = f"{node.output[0]}/of_its_inputs_type"
    return (
        helper.make_node(op, inputs, [inner], **settings),
        helper.make_node("Cast", [inner], node.output[:1], to=TensorProto.FLOAT),
    )


def _turned_product(node: NodeProto) -> tuple[NodeProto, ...] | None:
    """FusedMatMul without its turned sides; None with them, as the number of axes is not known here."""
    if any(attribute(node, name, 0) for name in ("transA", "transB", "transBatchA", "transBatchB")):
        return None
    return (helper.make_node("MatMul", list(node.input[:2]), node.output[:1]),)
