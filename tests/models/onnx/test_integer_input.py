"""Inputs of whole numbers: what range they have, which images lie in it, and that both copies see the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import ChannelOrder
from bnnaudit.core.file_limits import OPENING_SECONDS
from bnnaudit.core.limits import Limits, limits_set
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, InputGrid
from bnnaudit.models import first_try
from bnnaudit.models.onnx.integer_input import peek
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from bnnaudit.numerics.pixel_grid import PixelGrid
from tests.models.onnx.test_input import saved
from tests.onnx_import.building import model_of, node, some_values

SHORT = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}
LONG = ("uint32", "int32", "uint64", "int64")


def scoring(kind: str, features: int = 4) -> object:
    """Whole numbers cast to floats, times a matrix."""
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w")]
    element = TensorProto.DataType.Value(kind.upper())
    constants = {"w": some_values(features, 3)}
    return model_of(nodes, ["n", features], constants, element_type=element, output_shape=["n", 3])


def load(folder: Path, kind: str, preprocessing: Preprocessing) -> Target:
    return load_onnx(saved(folder, scoring(kind)), preprocessing, Surrogate(), torch.device("cpu"))


@pytest.mark.parametrize(("kind", "limits"), SHORT.items())
def test_the_range_of_a_short_type_is_the_default(tmp_path: Path, kind: str, limits: tuple[int, int]) -> None:
    target = load(tmp_path, kind, Preprocessing())
    low, high = (float(limit) for limit in limits)
    assert target.facts.box == Box(low, high)
    assert target.facts.grid == InputGrid(kind, (low,), (high,), (int(high - low),))
    images = torch.tensor([[low, high, 0.0, 7.0], [low + 0.4, high + 9.0, 1.5, 2.5]])
    seen = torch.tensor([[low, high, 0.0, 7.0], [low, high, 2.0, 2.0]]).double()
    expected = (seen @ torch.from_numpy(some_values(4, 3)).double()).float()
    torch.testing.assert_close(target.deployed(images), expected, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(target.logits(images), expected, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("kind", [*SHORT, *LONG, "float"])
def test_a_peek_tells_what_loading_does(tmp_path: Path, kind: str) -> None:
    limits = SHORT.get(kind)
    expected = ("" if kind == "float" else kind, None if limits is None else Box(*map(float, limits)))
    assert peek(saved(tmp_path, scoring(kind))) == expected


@pytest.mark.parametrize("damage", [b"", b"no model", b"\x3a\xff"])
def test_a_peek_leaves_complaints_to_the_loader(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(damage)
    assert peek(path) == ("", None)
    assert peek(tmp_path / "missing.onnx") == ("", None)


@pytest.mark.parametrize("kind", LONG)
def test_a_long_type_does_not_tell_and_is_asked_for(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ModelError, match=f"takes {kind}, whose range is not that of images; give --input-range LO,HI"):
        inspect_onnx(saved(tmp_path, scoring(kind)), Preprocessing())
    target = load(tmp_path, kind, Preprocessing(Box(0.0, 255.0)))
    assert target.facts.grid == InputGrid(kind, (0.0,), (255.0,), (255,))
    images = torch.tensor([[0.0, 255.0, 3.0, 7.0]])
    torch.testing.assert_close(target.deployed(images), target.logits(images), rtol=1e-5, atol=1e-3)


def test_floats_have_no_grid(tmp_path: Path) -> None:
    model = model_of([node("MatMul", "x w")], ["n", 4], {"w": some_values(4, 3)}, output_shape=["n", 3])
    facts = inspect_onnx(saved(tmp_path, model), Preprocessing())
    assert (facts.box, facts.grid) == (Box(), None)


@pytest.mark.parametrize(
    ("mean", "std", "stated", "box", "first", "last", "steps"),
    [
        ((128.0,), (), None, Box(0.0, 255.0), 0.0, 255.0, 255),
        ((128.0,), (), Box(0.0, 255.0), Box(0.0, 255.0), 0.0, 255.0, 255),
        ((0.502,), (1 / 255,), Box(), Box(), 0.502 - 128 / 255, 0.502 + 127 / 255, 255),
        ((), (2.0,), None, Box(-256.0, 254.0), -256.0, 254.0, 255),
        ((), (), Box(-10.0, 20.0), Box(-10.0, 20.0), -10.0, 20.0, 30),
    ],
)
def test_mean_and_std_move_the_range(
    tmp_path: Path,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    stated: Box | None,
    box: Box,
    first: float,
    last: float,
    steps: int,
) -> None:
    facts = inspect_onnx(saved(tmp_path, scoring("int8")), Preprocessing(stated, mean, std))
    assert facts.box == box
    assert facts.grid is not None
    assert facts.grid.steps == (steps,)
    np.testing.assert_allclose([*facts.grid.first, *facts.grid.last], [first, last])


@pytest.mark.parametrize(
    ("stated", "mean", "told"),
    [
        (
            Box(0.0, 255.0),
            (),
            r"takes int8, -128\.\.127, but the input range 0,255 becomes 0\.\.255.*or give --mean 128",
        ),
        (Box(0.0, 200.0), (), r"becomes 0\.\.200; leave --input-range out for that of the type$"),
        (Box(0.0, 0.4), (), r"of which 1 lie in the input range 0,0\.4"),
        (None, (1.0, 2.0, 3.0, 4.0), "leave them out if it normalises pixels itself, else give --input-range LO,HI"),
        (Box(-128.0, 127.0), (3.0,), r"becomes -131\.\.124; leave --mean and --std out"),
    ],
)
def test_a_range_that_no_image_of_the_type_has(
    tmp_path: Path, stated: Box | None, mean: tuple[float, ...], told: str
) -> None:
    with pytest.raises(ModelError, match=told):
        inspect_onnx(saved(tmp_path, scoring("int8")), Preprocessing(stated, mean))


@pytest.mark.parametrize("order", list(ChannelOrder))
def test_channels_have_their_own_steps_in_the_order_of_the_images(tmp_path: Path, order: ChannelOrder) -> None:
    """A network that takes channels of steps 1, 2 and 4: every value of the grid is a whole number to it."""
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("Flatten", "f", "v"), node("MatMul", "v w")]
    shape, constants = ["n", 3, 2, 2], {"w": some_values(12, 3)}
    model = model_of(nodes, shape, constants, element_type=TensorProto.UINT8, output_shape=["n", 3])
    chosen = Preprocessing(Box(0.0, 100.0), (0.0, 0.0, 0.0), (1.0, 2.0, 4.0), channels=order)
    target = load_onnx(saved(tmp_path, model), chosen, Surrogate(), torch.device("cpu"))
    steps = (100, 50, 25)
    grid = target.facts.grid
    assert grid is not None
    assert grid.steps == (steps if order is ChannelOrder.RGB else steps[::-1])
    assert grid.unit is None
    images = 100 * torch.rand(5, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    pixels = PixelGrid(0.0, 100.0, grid.first, grid.last, grid.steps)
    taken = target.prepare(pixels.nearest(images))
    torch.testing.assert_close(taken, target.prepare(images).round())


def test_looking_at_the_type_of_an_input_takes_no_more_than_opening_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Empty messages take two bytes in a file, and a hundred in memory and two microseconds each when they are read."""
    path = tmp_path / "m.onnx"
    path.write_bytes(b"\x72\x00" * 1_500_000)
    monkeypatch.setattr(first_try, "OPENING_SECONDS", replace(OPENING_SECONDS, most=0))
    with pytest.raises(ModelError, match="takes more than"):
        peek(path)
    with limits_set(Limits.NONE):
        assert peek(path) == ("", None)
