"""The borders of carried numbers: short types become floats that hold their values, and the other way round."""

from __future__ import annotations

import torch
from onnx import TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node, elementwise
from bnnaudit.onnx_import.graph.element_types import SHORT, grid_of
from bnnaudit.onnx_import.graph.torch_types import carrier
from bnnaudit.onnx_import.passes.quantized_as_float import HOLD, QUANTIZES_TO, RELEASE, TRUNCATE
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.uniform import GridQuantizer


def as_float(values: Tensor) -> Tensor:
    """Single precision that holds the values (...), double if they are double."""
    return values if values.dtype in (torch.float32, torch.float64) else values.to(torch.float32)


class Hold(nn.Module):
    """Numbers of a short type as floats."""

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) floats."""
        return as_float(values)


class Release(nn.Module):
    """Floats that hold numbers of a type as that type, or as the one that carries it in torch."""

    def __init__(self, kind: torch.dtype) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) of the type; no gradient where it is whole."""
        return values.to(self.kind)


class Truncation(GridQuantizer):
    """Cast and Div of whole numbers: towards zero, with the straight-through gradient."""

    op = "truncate"

    def __init__(self, grid: Grid) -> None:
        mode = RoundingMode.DOWN if grid.mantissa is None else RoundingMode.HALF_EVEN
        super().__init__(grid, mode)

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) numbers of the grid, carried by floats."""
        return self.onto_grid(as_float(values))


def _truncate(node: Node) -> Converted:
    kind = int(node.attribute(QUANTIZES_TO))
    grid = grid_of(kind) if kind in SHORT else Grid.whole(64 if kind == TensorProto.INT64 else 32, signed=True)
    return Converted(Truncation(grid), node.inputs)


CONVERTERS: dict[str, Converter] = {
    HOLD: elementwise(Hold),
    RELEASE: lambda node: Converted(Release(carrier(int(node.attribute(QUANTIZES_TO)))), node.inputs),
    TRUNCATE: _truncate,
}
