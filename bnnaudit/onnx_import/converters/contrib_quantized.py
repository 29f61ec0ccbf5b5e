"""ONNX Runtime's own quantized operators (domain com.microsoft), as its quantizer writes them.

Each takes numbers with their scales and zero points, and returns numbers of the result's; scales are single numbers unless
told otherwise. The order of the arithmetic is ONNX Runtime's, so that results are the same but for rounding ties.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.pooling import average_pool
from bnnaudit.onnx_import.converters.quantize_linear import DynamicQuantizeLinear, along, shifted
from bnnaudit.onnx_import.graph.own_operators import ROWS_PER_IMAGE
from bnnaudit.onnx_import.graph.torch_types import as_float
from bnnaudit.onnx_import.operands import Scaled, operands, quantized

Real = Callable[[Tensor], Tensor]


def quantized_sum(*tensors: Tensor | None) -> Scaled:
    """a, b (...) broadcastable -> (...); the zero points are folded into one number that is added before the rounding."""
    a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = _floats(tensors)
    a_ratio, b_ratio = a_scale / scale, b_scale / scale
    shift = zero - (a_ratio * a_zero + b_ratio * b_zero)
    return a * a_ratio + (b * b_ratio + shift), None


def quantized_multiple(*tensors: Tensor | None) -> Scaled:
    """a, b (...) broadcastable -> (...)."""
    a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = _floats(tensors)
    return (a - a_zero) * (b - b_zero) * (a_scale * b_scale / scale) + zero, None


def through(*tensors: Tensor | None, function: Real) -> Scaled:
    """(...) -> (...): dequantized and put through the function."""
    x, x_scale, x_zero, scale, zero = _floats(tensors)
    return function((x - x_zero) * x_scale) / scale, zero


def global_average(*tensors: Tensor | None, channels_last: bool) -> Scaled:
    """(N, C, ...) -> (N, C, 1, ...): the whole sum of an image, times x_scale / (y_scale size)."""
    x, x_scale, x_zero, scale, zero = _floats(tensors)
    axes = tuple(range(1, x.dim() - 1) if channels_last else range(2, x.dim()))
    size = math.prod(x.shape[axis] for axis in axes)
    sums = (x - x_zero).sum(dim=axes, keepdim=True)
    return sums * (x_scale / (scale * size)), zero


def quantized_concat(*tensors: Tensor | None, axis: int) -> Scaled:
    """Parts (...) -> (...) joined along the axis; each part is brought to the common scale and zero point."""
    scale, zero, *parts = _floats(tensors)
    real = [(x - x_zero) * x_scale for x, x_scale, x_zero in zip(parts[::3], parts[1::3], parts[2::3], strict=True)]
    return torch.cat(real, dim=axis) / scale, zero


def quantized_choice(condition: Tensor, *tensors: Tensor | None) -> Scaled:
    """condition, x, y (...) broadcastable -> (...)."""
    x, x_scale, x_zero, y, y_scale, y_zero, scale, zero = _floats(tensors)
    real = torch.where(condition.bool(), (x - x_zero) * x_scale, (y - y_zero) * y_scale)
    return real / scale, zero


def integer_product_to_float(
    a: Tensor,
    b: Tensor,
    a_scale: Tensor,
    b_scale: Tensor,
    a_zero: Tensor | None,
    b_zero: Tensor | None,
    bias: Tensor | None,
) -> Tensor:
    """((a - a_zero) @ (b - b_zero)) a_scale b_scale + bias, the scales of b one a column.

    a (..., M, K), b (..., K, N) -> (..., M, N).
    """
    sums = torch.matmul(shifted(a, a_zero, -2), shifted(b, b_zero, -1))
    product = sums * (along(as_float(a_scale), -2, sums.dim()) * along(as_float(b_scale), -1, sums.dim()))
    return product if bias is None else product + bias


class DynamicProduct(DynamicQuantizeLinear):
    """DynamicQuantizeMatMul-1: a quantized by its own range, then MatMulIntegerToFloat."""

    def __init__(self, rows: int, tensors: nn.Module) -> None:
        super().__init__(rows)
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:  # type: ignore[override]
        """a (..., M, K), b (K, N) -> (..., M, N)."""
        b, b_scale, b_zero, bias = self.tensors(*computed)
        quantized, scale, zero_point = super().forward(values)
        right = shifted(b, b_zero, -1)
        product = torch.matmul(quantized - zero_point, right) * (scale * along(as_float(b_scale), -1, values.dim()))
        return product if bias is None else product + bias


def _floats(tensors: tuple[Tensor | None, ...]) -> list[Tensor]:
    """The tensors as floats; a zero point that is left out is 0, and single numbers have no axes."""
    given = [torch.zeros(()) if tensor is None else as_float(tensor) for tensor in tensors]
    return [tensor.reshape(()) if tensor.numel() == 1 and tensor.dim() <= 1 else tensor for tensor in given]


def _of_all(function: Callable[..., Scaled], inputs: int) -> Converter:
    """The converter of an operator without settings that takes so many inputs as tensors."""
    return lambda node: quantized(node, function, inputs)


def _of_function(function: Callable[[Node], Real]) -> Converter:
    """The converter of an operator of one tensor: dequantized, put through the function, quantized again."""
    return lambda node: quantized(node, through, 5, function=function(node))


def _leaky_relu(node: Node) -> Real:
    slope = float(node.attribute("alpha", 0.01))
    return lambda values: functional.leaky_relu(values, slope)


def _softmax(node: Node) -> Real:
    axis, together = int(node.attribute("axis", -1)), int(node.attribute("opset", 13)) < 13
    if together:
        return lambda values: functional.softmax(values.flatten(axis % values.dim()), -1).reshape(values.shape)
    return lambda values: functional.softmax(values, axis)


def _mean(node: Node) -> Real:
    axes, keep = node.attribute("axes") or [], node.flag("keepdims", 1)
    return lambda values: values.mean(axes or list(range(values.dim())), keepdim=keep)


def _average(node: Node) -> Real:
    """The standard AveragePool of the same settings."""
    if node.attribute("channels_last", 0):
        raise NotImplementedError("channels_last")
    return average_pool(node).module


qlinear_add = _of_all(quantized_sum, 8)
qlinear_mul = _of_all(quantized_multiple, 8)
qlinear_where = _of_all(quantized_choice, 9)
qlinear_sigmoid = _of_function(lambda _: torch.sigmoid)
qlinear_leaky_relu = _of_function(_leaky_relu)
qlinear_softmax = _of_function(_softmax)
qlinear_reduce_mean = _of_function(_mean)
qlinear_average_pool = _of_function(_average)


def qlinear_global_average_pool(node: Node) -> Converted:
    """QLinearGlobalAveragePool-1."""
    return quantized(node, global_average, 5, channels_last=node.flag("channels_last"))


def qlinear_concat(node: Node) -> Converted:
    """QLinearConcat-1."""
    return quantized(node, quantized_concat, len(node.inputs), axis=int(node.attribute("axis")))


def dynamic_quantize_mat_mul(node: Node) -> Converted:
    """DynamicQuantizeMatMul-1."""
    tensors, names = operands(node, *range(1, 5))
    return Converted(DynamicProduct(int(node.attribute(ROWS_PER_IMAGE, 0)), tensors), (node.inputs[0], *names))
