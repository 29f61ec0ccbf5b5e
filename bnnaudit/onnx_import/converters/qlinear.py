"""Quantized convolution and product with quantized results: QLinearConv, QLinearMatMul and ONNX Runtime's QGemm.

As ONNX Runtime computes them: a whole sum, times x_scale w_scale / y_scale in single precision, rounded half to even.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.carrier_casts import as_float
from bnnaudit.onnx_import.converters.convolution import Convolution
from bnnaudit.onnx_import.converters.integer_products import along, shifted, window_of_weights
from bnnaudit.onnx_import.converters.windows import Window
from bnnaudit.onnx_import.graph.element_types import grid_of
from bnnaudit.onnx_import.operands import Operands, operands
from bnnaudit.onnx_import.passes.quantized_as_float import QUANTIZES_TO
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.uniform import GridQuantizer


class QuantizedConvolution(GridQuantizer):
    """QLinearConv-10: scales and zero points of the weights may be one for each feature; the bias is a whole number."""

    def __init__(self, grid: Grid, window: Window, groups: int, tensors: Operands) -> None:
        super().__init__(grid)
        self.convolution = Convolution(window, groups, Operands([None, None], ["computed", "computed"]))
        self.plain = Convolution(window, groups, Operands([None, None], ["computed", "missing"]))
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> (N, features, ...) numbers of the grid."""
        x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias = self.tensors(*computed)
        inputs = (shifted(x, x_zero), shifted(w, w_zero, 0))
        sums = self.plain(*inputs) if bias is None else self.convolution(*inputs, as_float(bias))
        scale = as_float(x_scale) * as_float(w_scale) / as_float(y_scale)
        return self.onto_grid(sums * along(scale, 1, sums.dim()), as_float(y_zero))


class QuantizedProduct(GridQuantizer):
    """QLinearMatMul-10, 21: scales and zero points may be one for each row of a, column of b, and row of y."""

    def __init__(self, grid: Grid, tensors: Operands) -> None:
        super().__init__(grid)
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (..., M, K), b (..., K, N) -> (..., M, N) numbers of the grid."""
        a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = self.tensors(*computed)
        sums = torch.matmul(shifted(a, a_zero, -2), shifted(b, b_zero, -1))
        scales = [
            along(as_float(scale), axis, sums.dim()) for scale, axis in ((a_scale, -2), (b_scale, -1), (y_scale, -2))
        ]
        return self.onto_grid(sums * (scales[0] * scales[1] / scales[2]), along(as_float(y_zero), -2, sums.dim()))


def gemm_sums(
    a: Tensor, b: Tensor, c: Tensor | None, a_zero: Tensor | None, b_zero: Tensor | None, turned: tuple[bool, bool]
) -> Tensor:
    """a' @ b' + c of whole numbers, the axes of a and b exchanged first where `turned`; (M, K), (K, N) -> (M, N)."""
    left = shifted(a.transpose(0, 1) if turned[0] else a, a_zero, -2)
    right = shifted(b.transpose(0, 1) if turned[1] else b, b_zero, -1)
    return left @ right if c is None else left @ right + as_float(c)


class QuantizedGemm(GridQuantizer):
    """com.microsoft.QGemm-1 with a quantized result."""

    def __init__(self, grid: Grid, alpha: float, turned: tuple[bool, bool], tensors: Operands) -> None:
        super().__init__(grid)
        self.alpha = alpha
        self.turned = turned
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (M, K), b (K, N) -> (M, N) numbers of the grid."""
        a, a_scale, a_zero, b, b_scale, b_zero, c, y_scale, y_zero = self.tensors(*computed)
        sums = gemm_sums(a, b, c, a_zero, b_zero, self.turned)
        scale = self.alpha * as_float(a_scale) * as_float(b_scale) / as_float(y_scale)
        return self.onto_grid(sums * along(scale, -1, 2), None if y_zero is None else as_float(y_zero))


class GemmToFloat(torch.nn.Module):
    """com.microsoft.QGemm-1 without a scale of the result, which is then a float."""

    def __init__(self, alpha: float, turned: tuple[bool, bool], tensors: Operands) -> None:
        super().__init__()
        self.alpha = alpha
        self.turned = turned
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (M, K), b (K, N) -> (M, N)."""
        a, a_scale, a_zero, b, b_scale, b_zero, c = self.tensors(*computed)
        sums = gemm_sums(a, b, c, a_zero, b_zero, self.turned)
        return sums * along(self.alpha * as_float(a_scale) * as_float(b_scale), -1, 2)


def result_grid(node: Node) -> Grid:
    """The numbers that a node quantizes to."""
    return grid_of(int(node.attribute(QUANTIZES_TO)))


def _convolution(node: Node) -> Converted:
    tensors, names = operands(node, *range(9))
    groups = int(node.attribute("group", 1))
    return Converted(QuantizedConvolution(result_grid(node), window_of_weights(node, 3), groups, tensors), names)


def _product(node: Node) -> Converted:
    tensors, names = operands(node, *range(8))
    return Converted(QuantizedProduct(result_grid(node), tensors), names)


def _gemm(node: Node) -> Converted:
    alpha = float(node.attribute("alpha", 1.0))
    turned = (bool(node.attribute("transA", 0)), bool(node.attribute("transB", 0)))
    if node.attribute(QUANTIZES_TO):
        tensors, names = operands(node, *range(9))
        return Converted(QuantizedGemm(result_grid(node), alpha, turned, tensors), names)
    tensors, names = operands(node, *range(7))
    return Converted(GemmToFloat(alpha, turned, tensors), names)


CONVERTERS: dict[str, Converter] = {
    "QLinearConv": _convolution,
    "QLinearMatMul": _product,
    "com.microsoft.QGemm": _gemm,
}
