"""What a command starts with: sizes that the file leaves open come from the data, the card or a flag."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto

from bnnaudit.auditing.open import inspect_model, open_model_and_data, substitute_maker
from bnnaudit.config.card import parse_settings
from bnnaudit.config.settings import Settings
from bnnaudit.core.errors import AuditError
from tests.onnx_import.building import model_of, node, some_values


def convolving(folder: Path) -> Path:
    """Takes pictures of three channels and any size."""
    nodes = [node("Conv", "x k", "c"), node("GlobalAveragePool", "c", "p"), node("Flatten", "p")]
    path = folder / "open.onnx"
    model = model_of(nodes, ["n", 3, "h", "w"], {"k": some_values(5, 3, 3, 3)}, output_shape=["n", 5])
    path.write_bytes(model.SerializeToString())
    return path


def settings(folder: Path | None = None, **preprocessing: object) -> Settings:
    data = {} if folder is None else {"source": str(folder / "data.npz")}
    return parse_settings({"data": data, "preprocessing": preprocessing}, "test")


@pytest.fixture
def pictures(tmp_path: Path) -> np.ndarray:
    found = np.random.default_rng(0).integers(0, 256, (6, 8, 9, 3), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", x=found)
    return found


def test_the_data_tell_the_size(tmp_path: Path, pictures: np.ndarray) -> None:
    path = convolving(tmp_path)
    opened = open_model_and_data(path, settings(tmp_path))
    assert opened.target.facts.input_shape == (3, 8, 9)
    assert torch.allclose(
        opened.target.logits(opened.sample.images), opened.target.deployed(opened.sample.images), atol=1e-5
    )
    assert inspect_model(path, settings(tmp_path)).input_shape == (3, 8, 9)


def test_a_statement_does_without_data(tmp_path: Path) -> None:
    path = convolving(tmp_path)
    assert inspect_model(path, settings(input_shape=[3, 16, 16])).input_shape == (3, 16, 16)
    with pytest.raises(AuditError, match="--input-shape"):
        inspect_model(path, settings())


def test_a_statement_that_the_data_contradict(tmp_path: Path, pictures: np.ndarray) -> None:
    with pytest.raises(AuditError, match="3x16x16"):
        open_model_and_data(convolving(tmp_path), settings(tmp_path, input_shape=[3, 16, 16]))


def test_a_checkpoint_takes_it_too(tmp_path: Path) -> None:
    from bnnaudit.zoo.architectures import ARCHITECTURES

    torch.save(ARCHITECTURES["mlp"](in_features=12, classes=3).state_dict(), tmp_path / "net.pth")
    values = {"architecture": {"name": "mlp", "options": {"in_features": 12, "classes": 3}, "input_shape": [1, 3, 4]}}
    stated = parse_settings({**values, "preprocessing": {"input_shape": [3, 2, 2]}}, "test")
    assert inspect_model(tmp_path / "net.pth", parse_settings(values, "test")).input_shape == (1, 3, 4)
    assert inspect_model(tmp_path / "net.pth", stated).input_shape == (3, 2, 2)


@pytest.mark.parametrize("kind", ["uint16", "int16", "int8", "int32"])
def test_images_as_a_network_of_whole_numbers_takes_them(tmp_path: Path, kind: str) -> None:
    """They reach it as they are stored, in its own type or another."""
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w")]
    element = TensorProto.DataType.Value(kind.upper())
    model = model_of(nodes, ["n", 4], {"w": some_values(4, 3)}, element_type=element, output_shape=["n", 3])
    path = tmp_path / "whole.onnx"
    path.write_bytes(model.SerializeToString())
    limits = np.iinfo(kind)
    low, high = (0, 4095) if kind == "int32" else (int(limits.min), int(limits.max))
    stated = {"input_range": [low, high]} if kind == "int32" else {}
    x = np.array([[low, 0, 1, 90], [low, low, 2, high]])
    for stored in (x.astype(kind), x, x.astype(np.float64)):
        np.savez(tmp_path / "data.npz", x=stored)
        opened = open_model_and_data(path, settings(tmp_path, **stated))
        assert np.array_equal(opened.sample.images.numpy(), x)


def test_images_before_a_stated_normalisation_are_in_the_stated_range(tmp_path: Path) -> None:
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("MatMul", "f w")]
    model = model_of(nodes, ["n", 2], {"w": some_values(2, 3)}, element_type=TensorProto.INT8, output_shape=["n", 3])
    path = tmp_path / "whole.onnx"
    path.write_bytes(model.SerializeToString())
    for stored in (np.array([[0, 255]], np.uint8), np.array([[-128, 127]], np.int8)):
        np.savez(tmp_path / "data.npz", x=stored)
        opened = open_model_and_data(path, settings(tmp_path, input_range=[0, 255], mean=[128]))
        assert opened.sample.images.tolist() == [[0.0, 255.0]]


@pytest.mark.parametrize("own", [{}, {"mean": [0.4], "std": [0.2]}])
@pytest.mark.parametrize("turned", [False, True])
def test_a_substitute_of_another_range_sees_the_same_images(
    tmp_path: Path, turned: bool, own: dict[str, list[float]]
) -> None:
    """A network of uint8 and its float twin, which takes 0..1; mean and std of the model are the substitute's as well."""
    weights = {"w": some_values(4, 3)}
    multiplied = node("MatMul", "f w")
    cast = node("Cast", "x", "f", to=TensorProto.FLOAT)
    whole = model_of([cast, multiplied], ["n", 4], weights, element_type=TensorProto.UINT8, output_shape=["n", 3])
    floats = model_of([node("Identity", "x", "f"), multiplied], ["n", 4], weights, output_shape=["n", 3])
    paths = [tmp_path / "whole.onnx", tmp_path / "floats.onnx"]
    for path, proto in zip(paths, (whole, floats), strict=True):
        path.write_bytes(proto.SerializeToString())
    x = np.array([[0, 51, 102, 255], [255, 0, 3, 9]], np.uint8)
    np.savez(tmp_path / "data.npz", x=x)
    model, other = paths[::-1] if turned else paths
    given = settings(tmp_path, **(own if turned else {}))
    given = given.model_copy(update={"substitute": given.substitute.model_copy(update={"model": other})})
    opened = open_model_and_data(model, given)
    substitute = substitute_maker(opened)(opened.target)
    seen = x.astype(np.float64) if turned else x / 255
    expected = torch.from_numpy(seen @ weights["w"]).float()
    assert substitute.facts.box == opened.target.facts.box
    for scores in (substitute.logits(opened.sample.images), substitute.deployed(opened.sample.images)):
        torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-3)
