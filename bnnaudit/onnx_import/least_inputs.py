"""Nodes of other domains that ONNX's checker knows nothing of: those that take too little for their operator are refused."""

from __future__ import annotations

from onnx import ModelProto

from bnnaudit.core.errors import ModelError
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, QONNX_DOMAINS, RUNTIME_DOMAIN, qualified_name

OF_RUNTIME = {
    "QuantizeLinear": 2,
    "DequantizeLinear": 2,
    "DynamicQuantizeMatMul": 3,
    "MatMulIntegerToFloat": 4,
    "QGemm": 6,
    "QLinearAdd": 7,
    "QLinearAveragePool": 4,
    "QLinearConcat": 3,
    "QLinearGlobalAveragePool": 5,
    "QLinearLeakyRelu": 4,
    "QLinearMul": 7,
    "QLinearReduceMean": 4,
    "QLinearSigmoid": 4,
    "QLinearSoftmax": 5,
    "QLinearWhere": 9,
    "FusedConv": 2,
    "FusedGemm": 2,
    "FusedMatMul": 2,
    "Gelu": 1,
    "BiasGelu": 2,
    "FastGelu": 1,
    "QuickGelu": 1,
    "SkipLayerNormalization": 3,
    "SkipSimplifiedLayerNormalization": 3,
}
"""As ONNX Runtime's own schemas have it."""
OF_QONNX = {"Quant": 4, "IntQuant": 4, "BipolarQuant": 2, "Trunc": 5, "FloatQuant": 5, "MultiThreshold": 2}
"""Up to the last that is not optional."""
LEAST_INPUTS = {
    **{f"{RUNTIME_DOMAIN}.{op}": least for op, least in OF_RUNTIME.items()},
    **{f"{domain}.{op}": least for domain in QONNX_DOMAINS for op, least in OF_QONNX.items()},
}


def check_inputs(model: ModelProto) -> None:
    """Refuses nodes without the inputs that their operator needs, and any of our own domain; raises ModelError."""
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    for node in nodes:
        if node.domain == OWN_DOMAIN:
            raise ModelError(f"{node.op_type} {node.name!r} is of the domain {OWN_DOMAIN!r}, which no file may use")
        least = LEAST_INPUTS.get(qualified_name(node), 0)
        if len(node.input) < least:
            raise ModelError(f"{qualified_name(node)} {node.name!r} takes {len(node.input)} inputs; it needs {least}")
