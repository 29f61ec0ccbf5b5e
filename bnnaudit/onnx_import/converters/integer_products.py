"""Products of whole numbers with 32-bit sums: ConvInteger, MatMulInteger, and those of quantized tensors.

The numbers are carried by floats: every sum below 2^24 in size is exact, and larger ones are rounded in their last places.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.carrier_casts import as_float
from bnnaudit.onnx_import.converters.convolution import Convolution
from bnnaudit.onnx_import.converters.windows import Window, window_of
from bnnaudit.onnx_import.operands import Operands, operands


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


class IntegerConvolution(nn.Module):
    """ConvInteger-10: (x - x_zero_point) correlated with (w - w_zero_point); the margins are zero points."""

    def __init__(self, window: Window, groups: int, tensors: Operands) -> None:
        super().__init__()
        self.convolution = Convolution(window, groups, Operands([None, None], ["computed", "missing"]))
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> whole numbers (N, features, ...)."""
        weight, zero_point, weight_zero_point = self.tensors(*computed)
        sums: Tensor = self.convolution(shifted(values, zero_point), shifted(weight, weight_zero_point, 0))
        return sums


class IntegerProduct(nn.Module):
    """MatMulInteger-10: (a - a_zero_point) @ (b - b_zero_point), zero points for rows of a and columns of b."""

    def __init__(self, tensors: Operands) -> None:
        super().__init__()
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (..., M, K), b (..., K, N) -> whole numbers (..., M, N)."""
        left, right, zero_point, right_zero_point = self.tensors(*computed)
        return torch.matmul(shifted(left, zero_point, -2), shifted(right, right_zero_point, -1))


def window_of_weights(node: Node, position: int) -> Window:
    """The window of a convolution with its weights at an input."""
    shape = node.shape(position)
    kernel = node.attribute("kernel_shape") or [size for size in (shape or ())[2:] if size is not None]
    if not kernel:
        raise NotImplementedError("weights of unknown size")
    return window_of(node, [int(size) for size in kernel])


def _convolution(node: Node) -> Converted:
    tensors, names = operands(node, 1, 2, 3)
    module = IntegerConvolution(window_of_weights(node, 1), int(node.attribute("group", 1)), tensors)
    return Converted(module, (node.inputs[0], *names))


def _product(node: Node) -> Converted:
    tensors, names = operands(node, 0, 1, 2, 3)
    return Converted(IntegerProduct(tensors), names)


CONVERTERS: dict[str, Converter] = {"ConvInteger": _convolution, "MatMulInteger": _product}
