"""Inputs that a file leaves open, and bodies that work for one number of images behind an open batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import ModelProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import Layout
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from bnnaudit.models.onnx.open_shape import OpenShapeError
from tests.onnx_import.building import model_of, node, some_values
from tests.paths import SHARED

FORMS = SHARED / "cases" / "forms"


def saved(folder: Path, model: ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def pooled(shape: list[int | str] | None, channels: int = 3) -> ModelProto:
    """A convolution over all places and its mean: takes images of any size."""
    nodes = [node("Conv", "x k", "c"), node("GlobalAveragePool", "c", "p"), node("Flatten", "p")]
    model = model_of(nodes, shape or ["n"], {"k": some_values(5, channels, 3, 3)}, output_shape=["n", 5])
    if shape is None:
        model.graph.input[0].type.tensor_type.ClearField("shape")
    return model


def load(folder: Path, model: ModelProto, **known: object) -> Target:
    return load_onnx(saved(folder, model), Preprocessing(**known), Surrogate(), torch.device("cpu"))


def agrees(target: Target, count: int = 5) -> bool:
    """Whether both forms give the same scores, for many images and for each alone."""
    shape = target.facts.input_shape
    sizes = (shape[2], *shape[:2]) if target.facts.layout is Layout.NHWC else shape
    images = torch.rand(count, *sizes, generator=torch.Generator().manual_seed(0))
    alone = torch.cat([target.deployed(image[None]) for image in images])
    scores = target.logits(images)
    return all(torch.allclose(scores, other, atol=1e-5) for other in (alone, target.deployed(images)))


OPEN: list[list[int | str] | None] = [["n", 3, "h", "w"], ["n", 3, -1, -1], [-1, 3, 8, "w"], ["n", "c", "h", "w"], None]


@pytest.mark.parametrize("shape", OPEN)
@pytest.mark.parametrize(
    "known", [{"input_shape": (3, 8, 9)}, {"data_shape": (3, 8, 9)}, {"data_shape": (8, 9, 3)}], ids=str
)
def test_the_size_is_stated_or_that_of_the_data(tmp_path: Path, shape: list | None, known: dict) -> None:
    target = load(tmp_path, pooled(shape), **known)
    assert target.facts.input_shape == (3, 8, 9)
    assert target.facts.layout is Layout.NCHW
    assert target.facts.num_classes == 5
    assert agrees(target)


@pytest.mark.parametrize("shape", OPEN)
def test_without_either_it_is_asked_for(tmp_path: Path, shape: list | None) -> None:
    path = saved(tmp_path, pooled(shape))
    with pytest.raises(OpenShapeError, match=r"--input-shape .* \[preprocessing\] input_shape"):
        inspect_onnx(path, Preprocessing())


def test_grey_pictures_have_one_channel(tmp_path: Path) -> None:
    assert load(tmp_path, pooled(["n", 1, "h", "w"], 1), data_shape=(8, 9)).facts.input_shape == (1, 8, 9)
    # Files of grey pictures are repeated for a network of three channels.
    assert load(tmp_path, pooled(["n", 3, "h", "w"]), data_shape=(8, 9)).facts.input_shape == (3, 8, 9)


def test_channels_last_behind_a_transposition(tmp_path: Path) -> None:
    model = pooled(["n", "h", "w", "c"])
    model.graph.node[0].input[0] = "t"
    model.graph.node.insert(0, node("Transpose", "x", "t", perm=[0, 3, 1, 2]))
    for known in ({"input_shape": (8, 9, 3)}, {"data_shape": (8, 9, 3)}, {"data_shape": (3, 8, 9)}):
        target = load(tmp_path, model, **known)
        assert target.facts.input_shape == (8, 9, 3)
        assert target.facts.layout is Layout.NHWC
        assert agrees(target)


@pytest.mark.parametrize("shape", [["n", "a", "b", "c"], None])
def test_an_order_of_axes_that_nothing_tells_is_asked_for(tmp_path: Path, shape: list | None) -> None:
    """Flattened at once, pictures fit in any order; only what is stated is taken."""
    model = model_of([node("Flatten", "x", "f"), node("MatMul", "f w")], shape or ["n"], {"w": some_values(192, 3)})
    if shape is None:
        model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(OpenShapeError, match=r"3x8x8 or 8x8x3.* --input-shape"):
        load(tmp_path, model, data_shape=(8, 8, 3))
    assert load(tmp_path, model, input_shape=(8, 8, 3)).facts.layout is Layout.NHWC
    assert load(tmp_path, model, data_shape=(12, 16)).facts.num_classes == 3


@pytest.mark.parametrize("known", [{"input_shape": (12,)}, {"data_shape": (12,)}, {"data_shape": (2, 2, 3)}], ids=str)
def test_an_open_number_of_features(tmp_path: Path, known: dict) -> None:
    model = model_of([node("MatMul", "x w")], ["n", "features"], {"w": some_values(12, 3)}, output_shape=["n", 3])
    target = load(tmp_path, model, **known)
    assert target.facts.input_shape == (12,)
    assert agrees(target)


@pytest.mark.parametrize("stated", [(1, 8, 8), (3, 8), (3, 9, 9)])
def test_a_statement_against_the_file_is_refused(tmp_path: Path, stated: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="contradicts"):
        load(tmp_path, pooled(["n", 3, 8, "w"]), input_shape=stated)
    with pytest.raises(ModelError, match="contradicts"):
        load(tmp_path, pooled(["n", 3, 8, 8]), input_shape=stated)


def test_data_that_the_file_does_not_allow(tmp_path: Path) -> None:
    with pytest.raises(OpenShapeError, match="images of 2x8x8 do not fit"):
        load(tmp_path, pooled(["n", 3, "h", "w"]), data_shape=(2, 8, 8))


def baked(batch: int, kind: str) -> ModelProto:
    """An open batch in front of a body that was exported for `batch` images."""
    sizes = np.array([batch, -1] if kind == "reshape" else [batch, 48], dtype=np.int64)
    nodes = [node("Reshape", "x sizes", "f"), node("MatMul", "f w")]
    if kind == "expand":
        nodes = [node("Flatten", "x", "v"), node("Expand", "zero sizes", "z"), node("Concat", "v z", "f", axis=1)]
        nodes.append(node("MatMul", "f w"))
    constants = {"w": some_values(96 if kind == "expand" else 48, 5), "sizes": sizes}
    if kind == "expand":
        constants["zero"] = np.zeros((1, 48), np.float32)
    return model_of(nodes, ["n", 3, 4, 4], constants, output_shape=["n", 5])


@pytest.mark.parametrize("kind", ["reshape", "view", "expand"])
@pytest.mark.parametrize("batch", [1, 4])
def test_a_body_for_one_batch_runs_in_batches_of_it(tmp_path: Path, batch: int, kind: str) -> None:
    target = load(tmp_path, baked(batch, kind))
    images = torch.rand(7, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = images.flatten(1).numpy() @ some_values(96 if kind == "expand" else 48, 5)[:48]
    assert target.facts.num_classes == 5
    assert np.allclose(target.logits(images).numpy(), expected, atol=1e-4)
    assert np.allclose(target.deployed(images).numpy(), expected, atol=1e-4)


@pytest.mark.skipif(not FORMS.exists(), reason=f"no models in {FORMS}")
def test_a_view_of_one_image() -> None:
    target = load_onnx(FORMS / "view_1.onnx", Preprocessing(), Surrogate(), torch.device("cpu"))
    assert agrees(target)
