"""QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear, of the standard domain and of ONNX Runtime's.

And how scales and zero points are brought to the axes of the tensors that they belong to.
"""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.element_types import HALVES
from bnnaudit.onnx_import.graph.own_operators import ROWS_PER_IMAGE
from bnnaudit.onnx_import.graph.torch_types import as_float, torch_type
from bnnaudit.onnx_import.operands import call, onto_grid, operands, result_grid
from bnnaudit.quantization.fake_quantize import Bounds, FakeQuantizer
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.uniform import GridQuantizer


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


def shifted(values: Tensor, zero_point: Tensor | None, axis: int | None = None) -> Tensor:
    """values - zero_point, a vector of zero points lying along `axis`; values (...) -> (...)."""
    values = as_float(values)
    if zero_point is None:
        return values
    return values - along(as_float(zero_point), axis, values.dim())


def spread(parameter: Tensor, values: Tensor, axis: int, block_size: int) -> Tensor:
    """A scale or a zero point, brought to the axes of the tensor that it belongs to.

    parameter (), (1,), (places,) or blocked; values (...) -> broadcastable to values. One number is for the whole tensor, a
    vector for the places of `axis`, and with `block_size` each number for so many places.
    """
    parameter = as_float(parameter)
    if block_size:
        return parameter.repeat_interleave(block_size, dim=axis).narrow(axis, 0, values.shape[axis])
    return along(parameter, axis, values.dim())


def scaled(
    values: Tensor, scale: Tensor, zero_point: Tensor | None, axis: int, block_size: int, precision: torch.dtype | None
) -> tuple[Tensor, Tensor | None]:
    """(...) -> x / scale and the zero point, to be rounded and saturated.

    precision: the type in which x / scale is rounded first, where the file names a half one.
    """
    values = as_float(values)
    quotient = values / spread(scale, values, axis, block_size)
    if precision is not None:
        quotient = quotient.to(precision).to(values.dtype)
    return quotient, None if zero_point is None else spread(zero_point, values, axis, block_size)


def dequantized(values: Tensor, scale: Tensor, zero_point: Tensor | None, axis: int, block_size: int) -> Tensor:
    """(q - zero_point) scale: (...) -> (...)."""
    values = as_float(values)
    if zero_point is not None:
        values = values - spread(zero_point, values, axis, block_size)
    return values * spread(scale, values, axis, block_size)


class QuantizeDequantize(FakeQuantizer):
    """A quantizer and its dequantizer in one step; takes whole numbers as well, as QuantizeLinear does."""

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) floats."""
        return super().forward(as_float(values))


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


def quantize(node: Node) -> Converted:
    """QuantizeLinear-10 to 28: q = saturate(round(x / scale) + zero_point), halves to even."""
    half = int(node.attribute("precision", 0))
    settings = {**node.settings(axis=1, block_size=0), "precision": torch_type(half) if half in HALVES else None}
    quotient = call(scaled, node.inputs[:1], operands(node, 1, 2), **settings)
    return onto_grid(result_grid(node), quotient, saturate=node.flag("saturate", 1))


def dequantize(node: Node) -> Converted:
    """DequantizeLinear-10 to 28."""
    return call(dequantized, node.inputs[:1], operands(node, 1, 2), **node.settings(axis=1, block_size=0))


def dynamic_quantize(node: Node) -> Converted:
    """DynamicQuantizeLinear-11."""
    return Converted(DynamicQuantizeLinear(int(node.attribute(ROWS_PER_IMAGE, 0))), node.inputs)


def quantize_dequantize(node: Node) -> Converted:
    """A pair that `fuse_quantizers` made one node of."""
    scale, zero_point = node.constant(1), node.constant(2)
    if scale is None:
        raise NotImplementedError("no scale")
    module = QuantizeDequantize(
        result_grid(node),
        torch.tensor(float(scale.ravel()[0]), dtype=torch.float32),
        0.0 if zero_point is None else float(zero_point.ravel()[0]),
        Bounds(float(node.attribute("low")), float(node.attribute("high"))),
    )
    return Converted(module, node.inputs[:1])
