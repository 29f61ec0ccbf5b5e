"""Products of whole numbers with 32-bit sums: ConvInteger, MatMulInteger, and those of quantized tensors.

The numbers are held in floats: every sum below 2^24 in size is exact, and larger ones are rounded in their last places.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.converters.convolution import convolve, window_of_weights
from bnnaudit.onnx_import.converters.windows import Window
from bnnaudit.onnx_import.graph.torch_types import as_float
from bnnaudit.onnx_import.operands import call, operands


def shifted(values: Tensor, zero_point: Tensor | None, axis: int | None = None) -> Tensor:
    """values - zero_point, a vector of zero points lying along `axis`; values (...) -> (...)."""
    values = as_float(values)
    if zero_point is None:
        return values
    return values - along(as_float(zero_point), axis, values.dim())


def along(parameter: Tensor, axis: int | None, axes: int) -> Tensor:
    """A number, or a vector along `axis` of a tensor with so many axes; what has more axes stays as it is."""
    if parameter.dim() > 1:
        return parameter
    if parameter.numel() == 1:
        return parameter.reshape(())
    if axis is None:
        raise ValueError(f"{parameter.numel()} zero points or scales where one is needed")
    shape = [1] * axes
    shape[axis] = -1
    return parameter.reshape(shape)


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
    settings = {"window": window_of_weights(node, 1), "groups": int(node.attribute("group", 1))}
    return call(integer_convolution, node.inputs[:1], operands(node, 1, 2, 3), **settings)


def mat_mul_integer(node: Node) -> Converted:
    """MatMulInteger-10."""
    return call(integer_product, (), operands(node, 0, 1, 2, 3))
