"""ONNX Runtime's own quantized operators (domain com.microsoft), as its quantizer writes them.

Each takes numbers with their scales and zero points, and returns numbers of the result's; scales are single numbers unless
told otherwise. The order of the arithmetic is ONNX Runtime's, so that results are the same but for rounding ties.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters import pooling
from bnnaudit.onnx_import.converters.carrier_casts import as_float
from bnnaudit.onnx_import.converters.integer_products import along, shifted
from bnnaudit.onnx_import.converters.qlinear import result_grid
from bnnaudit.onnx_import.converters.quantize_linear import ROWS_PER_IMAGE, DynamicQuantizeLinear
from bnnaudit.onnx_import.operands import Operands, operands
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.uniform import GridQuantizer

Real = Callable[[Tensor], Tensor]


class QuantizedSum(GridQuantizer):
    """QLinearAdd-1: the zero points are folded into one number that is added before the rounding."""

    def __init__(self, grid: Grid, tensors: Operands) -> None:
        super().__init__(grid)
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a, b (...) broadcastable -> (...) numbers of the grid."""
        a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = _floats(self.tensors(*computed))
        a_ratio, b_ratio = a_scale / scale, b_scale / scale
        shift = zero - (a_ratio * a_zero + b_ratio * b_zero)
        return self.onto_grid(a * a_ratio + (b * b_ratio + shift))


class QuantizedMultiple(GridQuantizer):
    """QLinearMul-1."""

    def __init__(self, grid: Grid, tensors: Operands) -> None:
        super().__init__(grid)
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a, b (...) broadcastable -> (...) numbers of the grid."""
        a, a_scale, a_zero, b, b_scale, b_zero, scale, zero = _floats(self.tensors(*computed))
        return self.onto_grid((a - a_zero) * (b - b_zero) * (a_scale * b_scale / scale) + zero)


class QuantizedFunction(GridQuantizer):
    """An operator of one tensor: dequantized, put through `function`, quantized again.

    QLinearSigmoid, QLinearLeakyRelu, QLinearSoftmax, QLinearAveragePool and QLinearReduceMean, all of version 1.
    """

    def __init__(self, grid: Grid, function: Real, tensors: Operands) -> None:
        super().__init__(grid)
        self.function = function
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(...) -> (...) numbers of the grid."""
        x, x_scale, x_zero, scale, zero = _floats(self.tensors(*computed))
        return self.onto_grid(self.function((x - x_zero) * x_scale) / scale, zero)


class QuantizedGlobalAverage(GridQuantizer):
    """QLinearGlobalAveragePool-1: the whole sum of an image, times x_scale / (y_scale size)."""

    def __init__(self, grid: Grid, channels_last: bool, tensors: Operands) -> None:
        super().__init__(grid)
        self.channels_last = channels_last
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> (N, C, 1, ...) numbers of the grid."""
        x, x_scale, x_zero, scale, zero = _floats(self.tensors(*computed))
        axes = tuple(range(1, x.dim() - 1) if self.channels_last else range(2, x.dim()))
        size = 1
        for axis in axes:
            size *= x.shape[axis]
        sums = (x - x_zero).sum(dim=axes, keepdim=True)
        return self.onto_grid(sums * (x_scale / (scale * size)), zero)


class QuantizedConcat(GridQuantizer):
    """QLinearConcat-1: each part is brought to the common scale and zero point."""

    def __init__(self, grid: Grid, axis: int, tensors: Operands) -> None:
        super().__init__(grid)
        self.axis = axis
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """Parts (...) -> (...) numbers of the grid, joined along the axis."""
        scale, zero, *parts = _floats(self.tensors(*computed))
        real = [(x - x_zero) * x_scale for x, x_scale, x_zero in zip(parts[::3], parts[1::3], parts[2::3], strict=True)]
        return self.onto_grid(torch.cat(real, dim=self.axis) / scale, zero)


class QuantizedChoice(GridQuantizer):
    """QLinearWhere-1."""

    def __init__(self, grid: Grid, tensors: Operands) -> None:
        super().__init__(grid)
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """condition, x, y (...) broadcastable -> (...) numbers of the grid."""
        condition, *rest = self.tensors(*computed)
        x, x_scale, x_zero, y, y_scale, y_zero, scale, zero = _floats(tuple(rest))
        assert condition is not None, "required by the operator"
        real = torch.where(condition.bool(), (x - x_zero) * x_scale, (y - y_zero) * y_scale)
        return self.onto_grid(real / scale, zero)


class IntegerProductToFloat(nn.Module):
    """MatMulIntegerToFloat-1: ((a - a_zero) @ (b - b_zero)) a_scale b_scale + bias, the scales of b one a column."""

    def __init__(self, tensors: Operands) -> None:
        super().__init__()
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (..., M, K), b (..., K, N) -> (..., M, N)."""
        a, b, a_scale, b_scale, a_zero, b_zero, bias = self.tensors(*computed)
        sums = torch.matmul(shifted(a, a_zero, -2), shifted(b, b_zero, -1))
        product = sums * (along(as_float(a_scale), -2, sums.dim()) * along(as_float(b_scale), -1, sums.dim()))
        return product if bias is None else product + bias


class DynamicProduct(DynamicQuantizeLinear):
    """DynamicQuantizeMatMul-1: a quantized by its own range, then MatMulIntegerToFloat."""

    def __init__(self, rows: int, tensors: Operands) -> None:
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


def _of_all(module: Callable[[Grid, Operands], nn.Module]) -> Converter:
    """The converter of an operator without settings that takes all of its inputs as tensors."""

    def convert(node: Node) -> Converted:
        tensors, names = operands(node, *range(max(len(node.inputs), 8)))
        return Converted(module(result_grid(node), tensors), names)

    return convert


def _of_function(function: Callable[[Node], Real]) -> Converter:
    """The converter of a `QuantizedFunction`."""

    def convert(node: Node) -> Converted:
        tensors, names = operands(node, *range(5))
        return Converted(QuantizedFunction(result_grid(node), function(node), tensors), names)

    return convert


def _leaky_relu(node: Node) -> Real:
    slope = float(node.attribute("alpha", 0.01))
    return lambda values: functional.leaky_relu(values, slope)


def _softmax(node: Node) -> Real:
    axis, together = int(node.attribute("axis", -1)), int(node.attribute("opset", 13)) < 13
    if together:
        return lambda values: functional.softmax(values.flatten(axis % values.dim()), -1).reshape(values.shape)
    return lambda values: functional.softmax(values, axis)


def _mean(node: Node) -> Real:
    axes, keep = node.attribute("axes") or [], bool(node.attribute("keepdims", 1))
    return lambda values: values.mean(axes or list(range(values.dim())), keepdim=keep)


def _average(node: Node) -> Real:
    """The standard AveragePool of the same settings."""
    if node.attribute("channels_last", 0):
        raise NotImplementedError("channels_last")
    return pooling.CONVERTERS["AveragePool"](node).module


def _global_average(node: Node) -> Converted:
    tensors, names = operands(node, *range(5))
    last = bool(node.attribute("channels_last", 0))
    return Converted(QuantizedGlobalAverage(result_grid(node), last, tensors), names)


def _concat(node: Node) -> Converted:
    tensors, names = operands(node, *range(len(node.inputs)))
    return Converted(QuantizedConcat(result_grid(node), int(node.attribute("axis")), tensors), names)


def _choice(node: Node) -> Converted:
    tensors, names = operands(node, *range(9))
    return Converted(QuantizedChoice(result_grid(node), tensors), names)


def _product_to_float(node: Node) -> Converted:
    tensors, names = operands(node, *range(7))
    return Converted(IntegerProductToFloat(tensors), names)


def _dynamic_product(node: Node) -> Converted:
    tensors, names = operands(node, *range(1, 5))
    module = DynamicProduct(int(node.attribute(ROWS_PER_IMAGE, 0)), tensors)
    return Converted(module, (node.inputs[0], *names))


CONVERTERS: dict[str, Converter] = {
    "com.microsoft.QLinearAdd": _of_all(QuantizedSum),
    "com.microsoft.QLinearMul": _of_all(QuantizedMultiple),
    "com.microsoft.QLinearSigmoid": _of_function(lambda node: torch.sigmoid),
    "com.microsoft.QLinearLeakyRelu": _of_function(_leaky_relu),
    "com.microsoft.QLinearSoftmax": _of_function(_softmax),
    "com.microsoft.QLinearReduceMean": _of_function(_mean),
    "com.microsoft.QLinearAveragePool": _of_function(_average),
    "com.microsoft.QLinearGlobalAveragePool": _global_average,
    "com.microsoft.QLinearConcat": _concat,
    "com.microsoft.QLinearWhere": _choice,
    "com.microsoft.MatMulIntegerToFloat": _product_to_float,
    "com.microsoft.DynamicQuantizeMatMul": _dynamic_product,
}
