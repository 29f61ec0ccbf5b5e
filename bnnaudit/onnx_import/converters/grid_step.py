"""The rounding of a uniform quantizer that is written with plain operators, once its ends are known."""

from __future__ import annotations

import math

from torch import Tensor

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.passes.grid_patterns import GRID_STEP
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.uniform import GridQuantizer


class GridStep(GridQuantizer):
    """clip(round(x), low, high): what a clip beside the rounding makes of it anyhow."""

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...) whole numbers."""
        return self.onto_grid(values)


def _convert(node: Node) -> Converted:
    low, high = float(node.attribute("low")), float(node.attribute("high"))
    grid = Grid(math.ceil(math.log2(high - low + 1)), low, high)
    return Converted(GridStep(grid, RoundingMode.parse(str(node.attribute("mode")))), node.inputs)


CONVERTERS: dict[str, Converter] = {GRID_STEP: _convert}
