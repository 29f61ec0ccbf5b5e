"""The operators that have a differentiable import, one `Spec` each; onnx2torch's converters serve for all others.

A node whose operator is in the table is lowered: moved to our own domain, with the version it was written for, so that one
converter serves every version and none of onnx2torch's is replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from onnx import NodeProto, defs
from torch import nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converter, Node, of_module, refused
from bnnaudit.onnx_import.converters import (
    activations,
    arithmetic,
    attention,
    casting,
    constants,
    contrib_float,
    contrib_quantized,
    convolution,
    cumulative,
    identity,
    indexing,
    integer_products,
    matmul,
    multithreshold,
    normalization,
    pad,
    pooling,
    qonnx,
    quantize_linear,
    reduction,
    resampling,
    shaping,
    sign_and_round,
    slicing,
)
from bnnaudit.onnx_import.graph import own_operators as own
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, QONNX_DOMAINS, RUNTIME_DOMAIN, Graph, qualified_name
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind, grid_of_node, on_grid
from bnnaudit.onnx_import.graph.torch_types import as_float, for_unsigned
from bnnaudit.onnx_import.onnx2torch_loading import load_onnx2torch
from bnnaudit.onnx_import.operands import of_function, of_tensors, with_stored_inputs
from bnnaudit.quantization.quantizers import Flooring, Rounding, TernarySign


@dataclass(frozen=True, slots=True)
class StandIn:
    """The standard operator whose result has the shape and the type of another domain's.

    inputs: those that it takes. shared: the attributes that both have. returns_float: whatever it takes. unless: attributes
    with which nothing stands in.
    """

    op: str
    inputs: tuple[int, ...] | slice = (0,)
    shared: tuple[str, ...] = ()
    returns_float: bool = False
    unless: tuple[str, ...] = ()


Places = tuple[int, ...]
Describe = Callable[[Graph, NodeProto], QuantizerKind]


@dataclass(frozen=True, slots=True)
class Spec:
    """What is known of an operator; positions are those of inputs.

    stand_in: for shape inference, where ONNX does not know the operator. zero_point: of the result, whose scale is the input
    before, and `data` what has the result's type where there is no zero point. quantizer: what to say of a quantizer that
    `zero_point` does not tell. weights: position -> axis of output channels. integer_product: what tells the element types of
    the left factor and of the right one, the factor last. sums_integers: the 32-bit result is a sum of products of short
    numbers. of_the_batch: takes its range from the whole batch. squashes: into 0..1, as a sigmoid.
    """

    converter: Converter
    stand_in: StandIn | None = None
    zero_point: int | None = None
    data: int = 0
    quantizer: Describe | None = None
    weights: Mapping[int, int] = field(default_factory=dict)
    integer_product: tuple[Places, Places] | None = None
    sums_integers: bool = False
    of_the_batch: bool = False
    squashes: bool = False

    @property
    def dequantizes(self) -> bool:
        """Whether it makes floats of quantized numbers."""
        return self.converter is quantize_linear.dequantize

    @property
    def quantizes(self) -> bool:
        """Whether it is a quantizer and nothing else."""
        return self.converter is quantize_linear.quantize

    @property
    def is_quantized(self) -> bool:
        """Whether it takes or returns quantized numbers, so that they are to be held by floats."""
        return self.zero_point is not None or self.sums_integers or self.of_the_batch or self.dequantizes


UNKNOWN = Spec(refused("an unknown operator"))
WINDOW = ("kernel_shape", "pads", "strides", "auto_pad")
CONVOLUTION = (*WINDOW, "dilations", "group")
SAME_SHAPE = StandIn("Identity")
FLOAT_PAIR = StandIn("MatMul", (0, 1), returns_float=True)
ROUNDING = sign_and_round.described(Rounding.op)
FLOOR = sign_and_round.described("floor")
CEIL = sign_and_round.described("ceil")
DYNAMIC = sign_and_round.described(quantize_linear.DynamicQuantizeLinear.op, 8)
FACTORS = {1: -1, 0: -2}
"""Weights of a product of matrices, on the right or on the left."""
INTEGERS, SCALED = ((2, 0), (3, 1)), ((2, 0), (5, 3))
"""Zero points and factors of a product of whole numbers, without scales and with them."""


def _each(converter: Converter, *names: str) -> dict[str, Spec]:
    return dict.fromkeys(names, Spec(converter))


STANDARD: dict[str, Spec] = {
    **_each(activations.activation, *activations.FUNCTIONS),
    **_each(activations.softmax, *activations.SOFTMAXES),
    **_each(arithmetic.elementwise, *(op for op in arithmetic.FUNCTIONS if op != "Fmod")),
    **_each(reduction.reduction, *reduction.REDUCTIONS),
    **_each(pooling.global_pool, "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool"),
    **_each(cumulative.arg_extremum, "ArgMax", "ArgMin"),
    **_each(cumulative.cumulative, "CumProd", "CumSum"),
    **_each(indexing.scattering, "Scatter", "ScatterElements", "ScatterND"),
    **_each(normalization.layer_normalization, "LayerNormalization", "RMSNormalization"),
    **_each(normalization.group_normalization, "GroupNormalization", "InstanceNormalization"),
    **_each(shaping.moving_blocks, "DepthToSpace", "SpaceToDepth"),
    "Sigmoid": Spec(activations.activation, squashes=True),
    "HardSigmoid": Spec(activations.activation, squashes=True),
    "Attention": Spec(attention.attention),
    "AveragePool": Spec(pooling.average_pool),
    "BatchNormalization": Spec(normalization.batch_normalization),
    "Cast": Spec(casting.cast_of),
    "CastLike": Spec(casting.cast_like),
    "Ceil": Spec(of_module(lambda: Flooring(up=True)), quantizer=CEIL),
    "Clip": Spec(activations.clipping),
    "Concat": Spec(slicing.concatenation),
    "Constant": Spec(refused("a constant that is not a dense tensor of numbers")),
    "ConstantOfShape": Spec(constants.constant_of_shape),
    "Conv": Spec(convolution.convolution, weights={1: 0}),
    "ConvTranspose": Spec(convolution.transposed_convolution, weights={1: 1}),
    "Dropout": Spec(identity.dropout),
    "Einsum": Spec(matmul.einsum),
    "Expand": Spec(shaping.with_list(shaping.expand, "shape")),
    "EyeLike": Spec(constants.eye),
    "Flatten": Spec(of_function(shaping.flatten, axis=1)),
    "Floor": Spec(of_module(Flooring), quantizer=FLOOR),
    "Gather": Spec(of_tensors(indexing.gather, 2, axis=0)),
    "GatherElements": Spec(of_tensors(indexing.gather_elements, 2, axis=0)),
    "GatherND": Spec(of_tensors(indexing.gather_nd, 2, batch_dims=0)),
    "Gelu": Spec(of_function(functional.gelu, approximate="none")),
    "Gemm": Spec(matmul.gemm_of, weights={1: 1}),
    "Identity": Spec(of_module(nn.Identity)),
    "IsInf": Spec(of_function(activations.is_infinite, detect_negative=True, detect_positive=True)),
    "LRN": Spec(normalization.local_response_normalization),
    "LpNormalization": Spec(of_function(normalization.unit_norm, p=2, axis=-1)),
    "LpPool": Spec(pooling.lp_pool),
    "MatMul": Spec(of_function(for_unsigned(torch.matmul)), weights=FACTORS),
    "MaxPool": Spec(pooling.max_pool),
    "MeanVarianceNormalization": Spec(normalization.mean_variance_normalization),
    "NonMaxSuppression": Spec(refused("an operator of object detectors")),
    "NonZero": Spec(of_function(indexing.non_zero)),
    "OneHot": Spec(indexing.one_hot_of),
    "PRelu": Spec(activations.prelu),
    "Pad": Spec(pad.padding),
    "Range": Spec(of_tensors(constants.arange, 3)),
    "Reshape": Spec(shaping.reshaping),
    "Resize": Spec(resampling.resize),
    "RotaryEmbedding": Spec(attention.rotary_embedding),
    "Round": Spec(of_module(Rounding), quantizer=ROUNDING),
    "Shape": Spec(shaping.shape_of),
    "Sign": Spec(of_module(TernarySign), quantizer=sign_and_round.described(TernarySign.op, TernarySign.bits)),
    "Size": Spec(of_function(shaping.size)),
    "Slice": Spec(slicing.slicing),
    "Split": Spec(slicing.splitting),
    "Squeeze": Spec(shaping.with_list(shaping.squeeze, "axes")),
    "Tile": Spec(shaping.tiling),
    "TopK": Spec(indexing.top),
    "Transpose": Spec(shaping.transposing),
    "Trilu": Spec(identity.trilu),
    "Unsqueeze": Spec(shaping.with_list(shaping.unsqueeze, "axes")),
    "Upsample": Spec(resampling.upsample),
    "Where": Spec(of_function(torch.where)),
}

QUANTIZED: dict[str, Spec] = {
    "ConvInteger": Spec(integer_products.conv_integer, weights={1: 0}, integer_product=INTEGERS, sums_integers=True),
    "MatMulInteger": Spec(
        of_tensors(integer_products.integer_product, 4), weights=FACTORS, integer_product=INTEGERS, sums_integers=True
    ),
    "QLinearConv": Spec(integer_products.qlinear_conv, zero_point=7, weights={3: 0}, integer_product=SCALED),
    "QLinearMatMul": Spec(
        integer_products.qlinear_mat_mul, zero_point=7, weights={3: -1, 0: -2}, integer_product=SCALED
    ),
    "QuantizeLinear": Spec(quantize_linear.quantize, zero_point=2, data=-1),
    "DequantizeLinear": Spec(quantize_linear.dequantize),
    "DynamicQuantizeLinear": Spec(quantize_linear.dynamic_quantize, quantizer=DYNAMIC, of_the_batch=True),
}

RUNTIME: dict[str, Spec] = {
    "QuantizeLinear": Spec(quantize_linear.quantize, StandIn("QuantizeLinear", (0, 1, 2)), zero_point=2, data=-1),
    "DequantizeLinear": Spec(quantize_linear.dequantize, StandIn("DequantizeLinear", (0, 1, 2))),
    "DynamicQuantizeMatMul": Spec(
        contrib_quantized.dynamic_quantize_mat_mul,
        FLOAT_PAIR,
        quantizer=DYNAMIC,
        weights={1: -1},
        integer_product=((), (3, 1)),
        of_the_batch=True,
    ),
    "MatMulIntegerToFloat": Spec(
        of_tensors(contrib_quantized.integer_product_to_float, 7),
        FLOAT_PAIR,
        weights={1: -1},
        integer_product=((4, 0), (5, 1)),
    ),
    "QGemm": Spec(
        integer_products.qgemm,
        StandIn("Gemm", (0, 3), ("transA", "transB")),
        zero_point=8,
        weights={3: 1},
        integer_product=SCALED,
    ),
    "QLinearAdd": Spec(contrib_quantized.qlinear_add, StandIn("Add", (0, 3)), zero_point=7),
    "QLinearAveragePool": Spec(
        contrib_quantized.qlinear_average_pool,
        StandIn("AveragePool", (0,), (*WINDOW, "ceil_mode", "count_include_pad")),
        zero_point=4,
    ),
    "QLinearConcat": Spec(
        contrib_quantized.qlinear_concat, StandIn("Concat", slice(2, None, 3), ("axis",)), zero_point=1, data=2
    ),
    "QLinearGlobalAveragePool": Spec(
        contrib_quantized.qlinear_global_average_pool, StandIn("GlobalAveragePool"), zero_point=4
    ),
    "QLinearLeakyRelu": Spec(contrib_quantized.qlinear_leaky_relu, SAME_SHAPE, zero_point=4),
    "QLinearMul": Spec(contrib_quantized.qlinear_mul, StandIn("Mul", (0, 3)), zero_point=7),
    "QLinearReduceMean": Spec(
        contrib_quantized.qlinear_reduce_mean, StandIn("ReduceMean", (0,), ("axes", "keepdims")), zero_point=4
    ),
    "QLinearSigmoid": Spec(contrib_quantized.qlinear_sigmoid, SAME_SHAPE, zero_point=4, squashes=True),
    "QLinearSoftmax": Spec(contrib_quantized.qlinear_softmax, SAME_SHAPE, zero_point=4),
    "QLinearWhere": Spec(contrib_quantized.qlinear_where, StandIn("Where", (0, 1, 4)), zero_point=8, data=1),
    "FusedConv": Spec(contrib_float.fused_conv, StandIn("Conv", (0, 1), CONVOLUTION), weights={1: 0}),
    "FusedGemm": Spec(contrib_float.fused_gemm_of, StandIn("Gemm", (0, 1), ("transA", "transB")), weights={1: 1}),
    "FusedMatMul": Spec(
        contrib_float.fused_mat_mul,
        StandIn("MatMul", (0, 1), unless=("transA", "transB", "transBatchA", "transBatchB")),
        weights=FACTORS,
    ),
    "Gelu": Spec(of_function(functional.gelu, approximate="none"), SAME_SHAPE),
    "BiasGelu": Spec(contrib_float.bias_gelu, SAME_SHAPE),
    "FastGelu": Spec(contrib_float.bias_gelu, SAME_SHAPE),
    "QuickGelu": Spec(of_function(contrib_float.quick_gelu, alpha=1.702), SAME_SHAPE),
    "SkipLayerNormalization": Spec(contrib_float.skip_layer_normalization, SAME_SHAPE),
    "SkipSimplifiedLayerNormalization": Spec(contrib_float.skip_layer_normalization, SAME_SHAPE),
}
"""ONNX Runtime's own, as its optimizer and its quantizer write them."""

QONNX: dict[str, Spec] = {
    "Quant": Spec(qonnx.quant, SAME_SHAPE, quantizer=qonnx.describe_quant),
    "IntQuant": Spec(qonnx.quant, SAME_SHAPE, quantizer=qonnx.describe_quant),
    "BipolarQuant": Spec(qonnx.bipolar_quant, SAME_SHAPE, quantizer=qonnx.describe_bipolar),
    "Trunc": Spec(qonnx.trunc, SAME_SHAPE, quantizer=qonnx.describe_trunc),
    "FloatQuant": Spec(qonnx.float_quant, SAME_SHAPE, quantizer=qonnx.describe_float_quant),
    "MultiThreshold": Spec(multithreshold.multi_threshold, SAME_SHAPE, quantizer=multithreshold.describe),
}

OWN: dict[str, Spec] = {
    own.BINARY_SIGN: Spec(sign_and_round.binary_sign, quantizer=sign_and_round.describe_sign),
    own.ROUND_BY: Spec(sign_and_round.round_by, quantizer=ROUNDING),
    own.GRID_STEP: Spec(sign_and_round.grid_step, quantizer=sign_and_round.describe_step),
    own.QUANTIZE_DEQUANTIZE: Spec(quantize_linear.quantize_dequantize),
    own.TO_FLOAT: Spec(of_function(as_float)),
    own.FROM_FLOAT: Spec(casting.from_float),
    own.TRUNCATE: Spec(casting.truncation, quantizer=casting.describe_truncation),
}
"""Operators that only the passes write."""

OPERATORS: dict[str, Spec] = {
    **STANDARD,
    **QUANTIZED,
    **{f"{RUNTIME_DOMAIN}.{op}": spec for op, spec in RUNTIME.items()},
    **{f"{domain}.{op}": spec for domain in QONNX_DOMAINS for op, spec in QONNX.items()},
    **{f"{OWN_DOMAIN}.{op}": spec for op, spec in OWN.items()},
}
"""Operator, with its domain where that is not the standard one (as `qualified_name` has it) -> what is known of it."""
LOWERED: dict[str, Spec] = {
    name.removeprefix(f"{OWN_DOMAIN}.").replace(".", "_"): spec for name, spec in OPERATORS.items()
}
"""The same by the names that nodes have once they are moved to our own domain."""


def spec_of(node: NodeProto) -> Spec:
    """What is known of a node's operator, before and after it is lowered; `UNKNOWN` where it has no import of ours."""
    if node.domain == OWN_DOMAIN:
        return LOWERED.get(node.op_type, UNKNOWN)
    return OPERATORS.get(qualified_name(node), UNKNOWN)


def quantizer_of(graph: Graph, node: NodeProto) -> QuantizerKind | None:
    """What reports call a node of a lowered graph and what it quantizes to; None where it is not a quantizer."""
    if node.domain != OWN_DOMAIN:
        return None
    spec = spec_of(node)
    if spec.quantizer is not None:
        return spec.quantizer(graph, node)
    grid = grid_of_node(node)
    if spec.zero_point is None or grid is None:
        return None
    return on_grid(graph, node, grid, spec.zero_point - 1, spec.zero_point)


def since_version(op: str, domain: str, opset: int) -> int:
    """The version of the operator's definition that holds under an opset; the opset itself where ONNX knows none."""
    try:
        return int(defs.get_schema(op, domain=domain, max_inclusive_version=opset).since_version)
    except defs.SchemaError:
        return opset


def register(operators: Iterable[str]) -> None:
    """Teach onnx2torch our converters, and load its own for the operators of a graph; doing it again changes nothing."""
    registry = load_onnx2torch(operators)
    for name, spec in LOWERED.items():
        if not is_supported(name, OWN_DOMAIN, 1):
            registry.add_converter(operation_type=name, version=1, domain=OWN_DOMAIN)(
                partial(_converted, spec.converter)
            )


def is_supported(op: str, domain: str, opset: int) -> bool:
    """Whether a node of a lowered graph has a converter; onnx2torch must have been loaded."""
    from onnx2torch.node_converters import registry

    try:
        registry.get_converter(operation_type=op, version=opset, domain=domain)
    except NotImplementedError:
        return False
    return True


def _converted(converter: Converter, node: Any, graph: Any) -> Any:
    """What our converter makes of a node, in the form that onnx2torch takes."""
    from onnx2torch.utils.common import OnnxMapping, OperationConverterResult

    converted = with_stored_inputs(converter(Node(node, graph)), graph.initializers)
    return OperationConverterResult(converted.module, OnnxMapping(converted.inputs, tuple(node.output_values)))
