"""FINN's MultiThreshold: how many thresholds of its channel a value reaches, scaled and shifted."""

from __future__ import annotations

import math

import torch
from onnx import NodeProto
from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.graph import Graph, attribute
from bnnaudit.onnx_import.graph.quantizer_kinds import QuantizerKind
from bnnaudit.onnx_import.operands import Operands, operands
from bnnaudit.quantization.quantizers import Quantizer
from bnnaudit.quantization.surrogates import between_levels, grid_step, sign_step


class MultiThreshold(Quantizer):
    """out_bias + out_scale (number of thresholds <= x).

    The gradient is that of the line through the outermost thresholds of a channel, and zero from half a step outside of
    them on; a single threshold makes a sign, which has the surrogate's gradient.
    """

    op = "multi-threshold"

    def __init__(self, steps: int, scale: float, bias: float, channels_last: bool, tensors: Operands) -> None:
        super().__init__()
        self.scale = scale
        self.bias = bias
        self.channels_last = channels_last
        self.tensors = tensors
        self.bits = math.ceil(math.log2(steps + 1))

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """values (N, C, ...), or (N, ..., C), thresholds (C or 1, T) -> (...)."""
        (thresholds,) = self.tensors(*computed)
        axis = values.dim() - 1 if self.channels_last else 1
        shape = [1] * values.dim()
        shape[axis] = -1
        # One threshold at a time: all together would take T times the memory of the values.
        ordered = thresholds.sort(dim=1).values
        columns = [column.reshape(shape) for column in ordered.unbind(1)]
        count = torch.zeros_like(values)
        for column in columns:
            count = count + (values.detach() >= column).to(values.dtype)
        middle = self._line(values, columns, count)
        return middle * self.scale + self.bias

    def _line(self, values: Tensor, columns: list[Tensor], count: Tensor) -> Tensor:
        """The count (...) with its surrogate gradient."""
        steps, low, high = len(columns), columns[0], columns[-1]
        if steps == 1:
            sign = sign_step(values - low, 2 * count - 1, self.surrogate)
            return between_levels(sign, count, (0.0, 1.0), self.surrogate)
        slope = (steps - 1) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
        line = ((values - low) * slope + 0.5).nan_to_num() * (high > low)
        return grid_step(line, count, torch.round(line.detach()), (0.0, float(steps)), self.surrogate)


def multi_threshold(node: Node) -> Converted:
    """MultiThreshold."""
    tensors, names = operands(node, 1)
    shape = node.shape(1)
    if shape is None or len(shape) != 2 or shape[1] is None:
        raise NotImplementedError("thresholds of unknown number")
    layout = str(node.attribute("data_layout", "NCHW"))
    if layout not in ("NCHW", "NHWC", "NC"):
        raise NotImplementedError(f"data_layout {layout!r}")
    module = MultiThreshold(
        shape[1],
        float(node.attribute("out_scale", 1.0)),
        float(node.attribute("out_bias", 0.0)),
        channels_last=layout == "NHWC",
        tensors=tensors,
    )
    return Converted(module, (node.inputs[0], *names))


def describe(graph: Graph, node: NodeProto) -> QuantizerKind:
    """A MultiThreshold."""
    shape = graph.shape(node.input[1])
    if shape is None or len(shape) != 2 or not shape[1]:
        return QuantizerKind(MultiThreshold.op)
    scale, low = float(attribute(node, "out_scale", 1.0)), float(attribute(node, "out_bias", 0.0))
    return QuantizerKind(MultiThreshold.op, math.ceil(math.log2(shape[1] + 1)), low, low + shape[1] * scale)
