from functools import partial

import numpy as np
import pytest
import torch

from bnnaudit.onnx_import.converters.shaping import blocks_to_depth, blocks_to_image
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, ints

VALUES = some_values(2, 3, 4, 4)


@pytest.mark.parametrize("target", [(0, -1), (-1, 4), (6, 0, 8), (2, 3, 2, 2, 4)])
def test_reshape(target: tuple[int, ...]) -> None:
    shape = (2, 4, 12) if target == (6, 0, 8) else (2, 3, 4, 4)
    if target == (6, 0, 8):
        target = (-1, 0, 2)
    check("Reshape", some_values(*shape), ints(*target))


def test_a_zero_can_be_a_size() -> None:
    check("Reshape", some_values(0, 3), ints(3, 0), allowzero=1)


@pytest.mark.parametrize("axis", [0, 1, 4, -1])
def test_flatten(axis: int) -> None:
    check("Flatten", VALUES, axis=axis)


def test_flatten_of_nothing() -> None:
    check("Flatten", some_values(0, 3, 4), axis=2)


@pytest.mark.parametrize("opset", [13, 21])
def test_squeeze_and_unsqueeze(opset: int) -> None:
    check("Squeeze", some_values(2, 1, 3, 1), ints(-1, 1), opset=opset)
    check("Squeeze", some_values(2, 1, 3, 1), opset=opset)
    check("Unsqueeze", VALUES, ints(0, -1, 3), opset=opset)


@pytest.mark.parametrize("target", [(4,), (3, 1, 1), (5, 2, 3, 4, 4), (1,)])
def test_expand(target: tuple[int, ...]) -> None:
    check("Expand", some_values(2, 3, 1, 4) if target != (5, 2, 3, 4, 4) else VALUES, ints(*target))


def test_tile() -> None:
    check("Tile", VALUES, ints(1, 2, 3, 1))


@pytest.mark.parametrize("settings", [{}, {"start": 1}, {"start": -3, "end": -1}, {"start": 3, "end": 1}, {"end": 9}])
def test_shape(settings: dict[str, int]) -> None:
    check("Shape", VALUES, opset=15, **settings)


def test_size_and_transpose() -> None:
    check("Size", VALUES)
    check("Transpose", VALUES)
    check("Transpose", VALUES, perm=[2, 0, 3, 1])


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks(mode: str) -> None:
    values = some_values(2, 8, 4, 6)
    check("DepthToSpace", values, blocksize=2, mode=mode)
    check("SpaceToDepth", values, blocksize=2)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks_there_and_back(mode: str) -> None:
    """Each is the inverse of the other, which holds the newest version with its mode to the runtime's older one."""
    values = torch.from_numpy(some_values(2, 8, 4, 6))
    depth_first = mode == "DCR"
    there, back = (partial(move, block=2, depth_first=depth_first) for move in (blocks_to_image, blocks_to_depth))
    np.testing.assert_array_equal(back(there(values)), values)
    np.testing.assert_array_equal(there(back(values)), values)


def test_parts() -> None:
    check("Slice", VALUES, ints(-1, 1), ints(-100, 3), ints(2, -1), ints(-2, 1))
    check("Slice", VALUES, ints(3), ints(1), ints(2))
    check("Split", some_values(7, 2), ints(1, 4, 2), outputs=3, opset=13)
    check("Split", some_values(7, 2), outputs=3, opset=18, num_outputs=3)
    check("Split", some_values(2, 6), outputs=3, opset=11, axis=-1)
    check("Concat", VALUES, VALUES[:, :1], axis=1)
    check("Concat", VALUES, VALUES[..., :2], axis=-1, opset=4)
