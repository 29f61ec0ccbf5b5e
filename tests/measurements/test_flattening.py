"""Pictures for a network that takes vectors: the order of flattening against one that is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from bnnaudit.auditing.open import Opened, open_model_and_data
from bnnaudit.config.card import parse_settings
from bnnaudit.core.errors import DataError
from bnnaudit.core.facts import Layout
from tests.paths import SHARED

COUNT, CLASSES = 60, 10
RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (COUNT, 8, 8, 3), dtype=np.uint8)


def flat_model(folder: Path) -> tuple[Path, np.ndarray]:
    """A linear map of 192 values, and its weights."""
    weights = RANDOM.standard_normal((192, CLASSES)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "flat",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 192])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(weights, "w")],
    )
    path = folder / "flat.onnx"
    path.write_bytes(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8).SerializeToString()
    )
    return path, weights


def opened(folder: Path, order: str, stored: str = "last", layout: str | None = None, labelled: bool = True) -> Opened:
    """A network that was taught on pictures flattened in `order`, and pictures stored with channels `stored`."""
    path, weights = flat_model(folder)
    first = np.moveaxis(PICTURES, 3, 1)
    taught = (PICTURES if order == "last" else first).reshape(COUNT, -1).astype(np.float32) / 255
    arrays = {"x": PICTURES if stored == "last" else first}
    if labelled:
        arrays["y"] = (taught @ weights).argmax(axis=1)
    np.savez(folder / "data.npz", **arrays)
    said = {} if layout is None else {"layout": layout}
    settings = parse_settings({"data": {"source": str(folder / "data.npz")}, "preprocessing": said}, "test")
    return open_model_and_data(path, settings)


CASE = SHARED / "cases" / "flat_hwc"


def clean(found: Opened) -> float:
    return float((found.target.deployed(found.sample.images).argmax(1) == found.sample.labels).float().mean())


@pytest.mark.parametrize("stored", ["first", "last"])
@pytest.mark.parametrize(("order", "layout"), [("last", Layout.NHWC), ("first", Layout.NCHW)])
def test_the_order_is_found_and_said(tmp_path: Path, order: str, layout: Layout, stored: str) -> None:
    found = opened(tmp_path, order, stored)
    assert clean(found) == 1
    assert found.target.facts.layout is layout
    assert f"flattened channels {order}: 100.0 % are right" in found.sample.facts.source
    assert found.target.logits(found.sample.images).argmax(1).equal(found.sample.labels)


@pytest.mark.parametrize("stored", ["first", "last"])
@pytest.mark.parametrize(("order", "layout"), [("last", "nhwc"), ("first", "nchw")])
def test_an_order_that_is_stated_is_taken(tmp_path: Path, order: str, layout: str, stored: str) -> None:
    found = opened(tmp_path, order, stored, layout)
    assert clean(found) == 1
    assert "flattened" not in found.sample.facts.source


def test_without_labels_the_order_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"--layout nhwc .* or --layout nchw"):
        opened(tmp_path, "last", labelled=False)


def test_labels_that_do_not_tell_the_order_are_no_reason_to_guess(tmp_path: Path) -> None:
    path, _ = flat_model(tmp_path)
    np.savez(tmp_path / "data.npz", x=PICTURES, y=np.random.default_rng(7).integers(0, CLASSES, COUNT))
    settings = parse_settings({"data": {"source": str(tmp_path / "data.npz")}}, "test")
    with pytest.raises(DataError, match="this sample does not tell"):
        open_model_and_data(path, settings)


@pytest.mark.parametrize("vectors", [True, False])
def test_a_mean_for_other_channels_is_refused(tmp_path: Path, vectors: bool) -> None:
    path, _ = flat_model(tmp_path)
    np.savez(tmp_path / "data.npz", x=PICTURES.reshape(COUNT, -1) if vectors else PICTURES)
    means = [0.5] * (3 if vectors else 2)
    said = {"data": {"source": str(tmp_path / "data.npz")}, "preprocessing": {"mean": means}}
    with pytest.raises(DataError, match=f"mean has {len(means)} values"):
        open_model_and_data(path, parse_settings(said, "test"))


def test_vectors_are_taken_as_they_are(tmp_path: Path) -> None:
    path, weights = flat_model(tmp_path)
    vectors = PICTURES.reshape(COUNT, -1).astype(np.float32) / 255
    np.savez(tmp_path / "data.npz", x=vectors, y=(vectors @ weights).argmax(axis=1))
    settings = parse_settings({"data": {"source": str(tmp_path / "data.npz")}}, "test")
    assert clean(open_model_and_data(path, settings)) == 1


@pytest.mark.skipif(not CASE.exists(), reason=f"no data in {CASE}")
@pytest.mark.parametrize(("data", "layout"), [("pictures", None), ("pictures", "nhwc"), ("vectors", None)])
def test_a_network_of_keras_order(data: str, layout: str | None) -> None:
    said = {} if layout is None else {"layout": layout}
    values = {"data": {"source": str(CASE / f"{data}.npz")}, "preprocessing": said}
    assert clean(open_model_and_data(CASE / "flat.onnx", parse_settings(values, "test"))) == 1
