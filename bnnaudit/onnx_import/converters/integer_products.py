"""Products of whole numbers: ConvInteger, MatMulInteger, QLinearConv, QLinearMatMul and ONNX Runtime's QGemm.

The numbers are held in floats: every sum below 2^24 in size is exact, and larger ones are rounded in their last places.
Quantized results are what ONNX Runtime computes: the sum, times x_scale w_scale / y_scale in single precision, rounded half
to even.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.converters.convolution import convolution_settings, convolve
from bnnaudit.onnx_import.converters.quantize_linear import along, shifted
from bnnaudit.onnx_import.converters.windows import Window
from bnnaudit.onnx_import.graph.own_operators import QUANTIZES_TO
from bnnaudit.onnx_import.graph.torch_types import as_float
from bnnaudit.onnx_import.operands import Scaled, call, operands, quantized


def convolution_sums(
    x: Tensor,
    x_scale: Tensor,
    x_zero: Tensor | None,
    w: Tensor,
    w_scale: Tensor,
    w_zero: Tensor | None,
    y_scale: Tensor,
    y_zero: Tensor,
    bias: Tensor | None,
    *,
    window: Window,
    groups: int,
) -> Scaled:
    """(N, C, ...) -> (N, features, ...); scales and zero points of the weights may be one for each feature.

    The bias is a whole number.
    """
    whole = None if bias is None else as_float(bias)
    sums = convolve(shifted(x, x_zero), shifted(w, w_zero, 0), whole, window, groups)
    scale = as_float(x_scale) * as_float(w_scale) / as_float(y_scale)
    return sums * along(scale, 1, sums.dim()), as_float(y_zero)


def product_sums(
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor | None,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor | None,
    y_scale: Tensor,
    y_zero: Tensor,
) -> Scaled:
    """a (..., M, K), b (..., K, N) -> (..., M, N); scales and zero points for each row of a, column of b, and row of y."""
    sums = integer_product(a, b, a_zero, b_zero)
    scales = [along(as_float(scale), axis, sums.dim()) for scale, axis in ((a_scale, -2), (b_scale, -1), (y_scale, -2))]
    return sums * (scales[0] * scales[1] / scales[2]), along(as_float(y_zero), -2, sums.dim())


def gemm_sums(
    a: Tensor,
    a_scale: Tensor,
    a_zero: Tensor | None,
    b: Tensor,
    b_scale: Tensor,
    b_zero: Tensor | None,
    c: Tensor | None,
    y_scale: Tensor | None = None,
    y_zero: Tensor | None = None,
    *,
    alpha: float,
    transposed: tuple[bool, bool],
) -> Scaled:
    """alpha (a' @ b' + c), in units of y's scale where y has one: a (M, K), b (K, N), c broadcastable -> (M, N)."""
    left = shifted(_transposed(a, transposed[0]), a_zero, -2)
    right = shifted(_transposed(b, transposed[1]), b_zero, -1)
    sums = left @ right if c is None else left @ right + as_float(c)
    scale = alpha * as_float(a_scale) * as_float(b_scale)
    if y_scale is not None:
        scale = scale / as_float(y_scale)
    return sums * along(scale, -1, 2), None if y_zero is None else as_float(y_zero)


def _transposed(values: Tensor, exchange: bool) -> Tensor:
    return values.transpose(0, 1) if exchange else values


def integer_convolution(
    values: Tensor,
    weight: Tensor,
    zero_point: Tensor | None,
    weight_zero_point: Tensor | None,
    window: Window,
    groups: int,
) -> Tensor:
    """(x - x_zero_point) correlated with (w - w_zero_point), the margins zero points: (N, C, ...) -> (N, features, ...)."""
    return convolve(shifted(values, zero_point), shifted(weight, weight_zero_point, 0), None, window, groups)


def integer_product(left: Tensor, right: Tensor, zero_point: Tensor | None, right_zero_point: Tensor | None) -> Tensor:
    """(a - a_zero_point) @ (b - b_zero_point), zero points for rows of a and columns of b.

    a (..., M, K), b (..., K, N) -> whole numbers (..., M, N).
    """
    return torch.matmul(shifted(left, zero_point, -2), shifted(right, right_zero_point, -1))


def conv_integer(node: Node) -> Converted:
    """ConvInteger-10."""
    return call(integer_convolution, node.inputs[:1], operands(node, 1, 2, 3), **convolution_settings(node))


def qlinear_conv(node: Node) -> Converted:
    """QLinearConv-10."""
    return quantized(node, convolution_sums, 9, **convolution_settings(node, 3))


def qlinear_mat_mul(node: Node) -> Converted:
    """QLinearMatMul-10, 21."""
    return quantized(node, product_sums, 8)


def qgemm(node: Node) -> Converted:
    """com.microsoft.QGemm-1, whose result is a float without a scale of its own."""
    settings = {**node.settings(alpha=1.0), "transposed": node.flags("transA", "transB")}
    if node.attribute(QUANTIZES_TO):
        return quantized(node, gemm_sums, 9, **settings)
    return call(lambda *tensors: gemm_sums(*tensors, **settings)[0], (), operands(node, *range(7)))
