"""QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear, of the standard domain and of ONNX Runtime's."""

from __future__ import annotations

import torch
from onnx import TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.carrier_casts import as_float
from bnnaudit.onnx_import.graph.element_types import grid_of
from bnnaudit.onnx_import.graph.torch_types import carrier
from bnnaudit.onnx_import.operands import Operands, operands
from bnnaudit.onnx_import.passes.quantized_as_float import QUANTIZES_TO
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.uniform import GridQuantizer

# Set on a node whose input holds this many rows of its first axis for each image, so that images have ranges of their own.
ROWS_PER_IMAGE = "rows_per_image"

HALVES = frozenset({TensorProto.FLOAT16, TensorProto.BFLOAT16})


class Spread(nn.Module):
    """Brings a scale or a zero point to the axes of the tensor that it belongs to.

    One number is for the whole tensor, a vector for the places of `axis`, and with `block` each number for so many places.
    """

    def __init__(self, axis: int, block: int) -> None:
        super().__init__()
        self.axis = axis
        self.block = block

    def forward(self, parameter: Tensor, values: Tensor) -> Tensor:
        """parameter (), (1,), (places,) or blocked; values (...) -> broadcastable to values."""
        parameter = as_float(parameter)
        if self.block:
            size = values.shape[self.axis]
            return parameter.repeat_interleave(self.block, dim=self.axis).narrow(self.axis, 0, size)
        if parameter.dim() > 1:
            return parameter
        if parameter.numel() == 1:
            return parameter.reshape(())
        shape = [1] * values.dim()
        shape[self.axis] = -1
        return parameter.reshape(shape)


class QuantizeLinear(GridQuantizer):
    """QuantizeLinear-10 to 28: q = saturate(round(x / scale) + zero_point), halves to even.

    precision: the type in which x / scale is rounded first, where the file names a half one.
    """

    def __init__(
        self, grid: Grid, spread: Spread, parameters: Operands, saturate: bool, precision: torch.dtype | None = None
    ) -> None:
        super().__init__(grid, saturate=saturate)
        self.spread = spread
        self.parameters_given = parameters
        self.precision = precision

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (...) numbers of the grid, carried by floats."""
        scale, zero_point = self.parameters_given(*computed)
        values = as_float(values)
        scaled = values / self.spread(scale, values)
        if self.precision is not None:
            scaled = scaled.to(self.precision).to(values.dtype)
        return self.onto_grid(scaled, None if zero_point is None else self.spread(zero_point, values))


class DequantizeLinear(nn.Module):
    """DequantizeLinear-10 to 28: (q - zero_point) scale."""

    def __init__(self, spread: Spread, parameters: Operands) -> None:
        super().__init__()
        self.spread = spread
        self.parameters_given = parameters

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(...) -> (...)."""
        scale, zero_point = self.parameters_given(*computed)
        values = as_float(values)
        if zero_point is not None:
            values = values - self.spread(zero_point, values)
        result: Tensor = values * self.spread(scale, values)
        return result


class DynamicQuantizeLinear(GridQuantizer):
    """DynamicQuantizeLinear-11: to 0..255 by the tensor's own range, which is made to hold 0.

    rows: ONNX takes the range of the whole tensor, a batch's included, so a prediction would depend on the images beside
    it. With `rows` each image (so many rows of the first axis) has its own range, as when the model serves it alone. The
    scale and the zero point count as constants in the gradient: that they move changes nothing but rounding errors.
    """

    op = "quantize (dynamic)"

    def __init__(self, rows: int = 0) -> None:
        super().__init__(Grid.whole(8, signed=False))
        self.rows = rows

    def forward(self, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """values (...) -> quantized (...), scale and zero point: (), or broadcastable to values with `rows`."""
        values = as_float(values)
        scale, zero_point = self.range_of(values.detach())
        return self.onto_grid(values / scale, zero_point), scale, zero_point

    def range_of(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """The scale and the zero point of values (...)."""
        if self.rows:
            images = values.reshape(len(values) // self.rows, -1)
            low, high = images.amin(dim=1), images.amax(dim=1)
        else:
            low, high = values.min(), values.max()
        low, high = low.clamp_max(0.0), high.clamp_min(0.0)
        scale = (high - low) / self.grid.high
        # A tensor of zeros has no range; any scale will do.
        scale = torch.where(scale == 0, torch.ones_like(scale), scale)
        zero_point = torch.round((self.grid.low - low / scale).clamp(self.grid.low, self.grid.high))
        if self.rows:
            shape = [len(values), *[1] * (values.dim() - 1)]
            scale = scale.repeat_interleave(self.rows).reshape(shape)
            zero_point = zero_point.repeat_interleave(self.rows).reshape(shape)
        return scale, zero_point


def _spread(node: Node) -> Spread:
    return Spread(int(node.attribute("axis", 1)), int(node.attribute("block_size", 0)))


def _quantize(node: Node) -> Converted:
    parameters, names = operands(node, 1, 2)
    precision = int(node.attribute("precision", 0))
    module = QuantizeLinear(
        grid_of(int(node.attribute(QUANTIZES_TO))),
        _spread(node),
        parameters,
        saturate=bool(node.attribute("saturate", 1)),
        precision=carrier(precision) if precision in HALVES else None,
    )
    return Converted(module, (node.inputs[0], *names))


def _dequantize(node: Node) -> Converted:
    parameters, names = operands(node, 1, 2)
    return Converted(DequantizeLinear(_spread(node), parameters), (node.inputs[0], *names))


def _dynamic(node: Node) -> Converted:
    return Converted(DynamicQuantizeLinear(int(node.attribute(ROWS_PER_IMAGE, 0))), node.inputs)


CONVERTERS: dict[str, Converter] = {
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "DynamicQuantizeLinear": _dynamic,
    "com.microsoft.QuantizeLinear": _quantize,
    "com.microsoft.DequantizeLinear": _dequantize,
}
