"""Files that are no sound model end in one clear line."""

import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.onnx.file import read_onnx
from bnnaudit.models.onnx.load import inspect_onnx, load_onnx
from tests.onnx_import.building import model_of, node, some_values


def linear(seed: int = 0) -> ModelProto:
    """12 features to 3 scores."""
    return model_of([node("MatMul", "x w")], ["n", 12], {"w": some_values(12, 3, seed=seed)}, output_shape=["n", 3])


def saved(folder: Path, model: ModelProto, name: str = "model.onnx") -> Path:
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path


def refused(path: Path, *words: str) -> None:
    """Loading and inspecting fail with the same kind of error, on one line, that names the file and says `words`."""
    for attempt in (
        lambda: inspect_onnx(path, Preprocessing()),
        lambda: load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu")),
    ):
        with pytest.raises(ModelError) as caught:
            attempt()
        message = str(caught.value)
        assert "\n" not in message
        assert str(path) in message
        for word in words:
            assert word in message


def unloadable(path: Path) -> None:
    """Loading fails in one line; what `inspect` reads off the file may still be told."""
    with pytest.raises(ModelError, match=re.escape(str(path))) as caught:
        load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    assert "\n" not in str(caught.value)


def test_missing(tmp_path: Path) -> None:
    refused(tmp_path / "model.onnx", "no such file")


def test_folder(tmp_path: Path) -> None:
    refused(tmp_path, "folder")


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.touch()
    refused(path, "empty")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable(tmp_path: Path) -> None:
    path = saved(tmp_path, linear())
    path.chmod(0)
    refused(path, "cannot be read")


def test_text(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_text("this is not a model\n" * 50)
    refused(path, "not an ONNX model")


def test_a_pickle(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    torch.save({"weight": torch.zeros(3)}, path)
    refused(path, "not an ONNX model")


def test_another_protocol_buffer(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(helper.make_tensor("t", TensorProto.FLOAT, [2], [1.0, 2.0]).SerializeToString())
    refused(path, "not")


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9, 0.99])
def test_truncated(tmp_path: Path, share: float) -> None:
    data = linear().SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data[: int(len(data) * share)])
    refused(path)


def test_every_truncation_is_refused_or_still_a_model(tmp_path: Path) -> None:
    """Cut anywhere, a file raises nothing but ModelError."""
    data = linear().SerializeToString()
    path = tmp_path / "model.onnx"
    for length in range(1, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(ModelError):
            read_onnx(path)


def test_no_nodes(tmp_path: Path) -> None:
    refused(saved(tmp_path, model_of([], ["n", 12])), "no nodes")


def test_no_input(tmp_path: Path) -> None:
    model = model_of([node("Identity", "w")], ["n", 12], {"w": some_values(1, 3)}, output_shape=[1, 3])
    del model.graph.input[:]
    refused(saved(tmp_path, model), "inputs: none")


def test_two_inputs(tmp_path: Path) -> None:
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["n", 3]))
    model.graph.node.append(node("Add", "y mask", "z"))
    model.graph.output[0].name = "z"
    refused(saved(tmp_path, model), "'x', 'mask'")


def test_initializers_among_the_inputs_are_no_inputs(tmp_path: Path) -> None:
    """Files of IR version 3 list every weight as an input."""
    model = linear()
    model.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [12, 3]))
    assert inspect_onnx(saved(tmp_path, model), Preprocessing()).input_shape == (12,)


def test_an_invalid_graph(tmp_path: Path) -> None:
    model = linear()
    model.graph.node[0].input[1] = "nowhere"
    refused(saved(tmp_path, model), "not a valid ONNX model", "nowhere")


def test_shapes_that_do_not_fit(tmp_path: Path) -> None:
    model = model_of([node("MatMul", "x w")], ["n", 12], {"w": some_values(7, 3)}, output_shape=["n", 3])
    unloadable(saved(tmp_path, model))


def test_a_mistyped_attribute(tmp_path: Path) -> None:
    model = model_of([node("Softmax", "x", axis=1.5)], ["n", 12])
    refused(saved(tmp_path, model), "not a valid ONNX model")


PLACES: dict[str, Callable[[ModelProto, str], object]] = {
    "a node": lambda model, text: setattr(model.graph.node[0], "name", text),
    "a size": lambda model, text: setattr(model.graph.input[0].type.tensor_type.shape.dim[0], "dim_param", text),
    "a size of an output": lambda model, text: setattr(
        model.graph.output[0].type.tensor_type.shape.dim[0], "dim_param", text
    ),
    "a meaning": lambda model, text: setattr(model.graph.input[0].type, "denotation", text),
    "a stored tensor": lambda model, text: setattr(model.graph.initializer[0], "name", text),
    "a function": lambda model, text: model.functions.add(name=text, domain="own"),
    "metadata": lambda model, text: model.metadata_props.add(key="a", value=text),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_name_that_is_no_text(tmp_path: Path, place: str) -> None:
    model = linear()
    PLACES[place](model, "the name of a node")
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString().replace(b"the name of a node", b"the name of \xff node"))
    refused(path, "a name in it is not UTF-8")


def test_values_that_do_not_fit_the_shape(tmp_path: Path) -> None:
    model = linear()
    model.graph.initializer[0].dims[1] = 2
    refused(saved(tmp_path, model), "the values of tensor 'w' do not fit its type and shape")


def test_an_unknown_operator_set(tmp_path: Path) -> None:
    model = linear()
    model.opset_import[0].version = 9999
    unloadable(saved(tmp_path, model))


def test_an_ancient_format(tmp_path: Path) -> None:
    model = linear()
    model.ir_version = 2
    refused(saved(tmp_path, model))


def test_a_control_flow_loop_is_named_as_unsupported(tmp_path: Path) -> None:
    body = helper.make_graph(
        [node("Identity", "x", "inner")],
        "body",
        [],
        [helper.make_tensor_value_info("inner", TensorProto.FLOAT, ["n", 12])],
    )
    choice = node("If", "condition", then_branch=body, else_branch=body)
    condition = [node("ReduceSum", "x", "s", keepdims=0), node("Cast", "s", "condition", to=TensorProto.BOOL)]
    path = saved(tmp_path, model_of([*condition, choice], ["n", 12], output_shape=["n", 12]))
    with pytest.raises(ModelError, match=r"If-19 \(1x, first 'If_y'\)"):
        load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def with_external(folder: Path, location: str = "weights.bin") -> Path:
    path = folder / "model.onnx"
    onnx.save_model(linear(), path, save_as_external_data=True, location=location, size_threshold=0)
    return path


def changed(path: Path, key: str, value: str) -> Path:
    """The model with another reference to its weights."""
    model = onnx.load(path, load_external_data=False)
    entry = next(entry for entry in model.graph.initializer[0].external_data if entry.key == key)
    entry.value = value
    path.write_bytes(model.SerializeToString())
    return path


def test_external_weights_are_read(tmp_path: Path) -> None:
    inside = load_onnx(saved(tmp_path, linear(), "inside.onnx"), Preprocessing(), Surrogate(), torch.device("cpu"))
    beside = load_onnx(with_external(tmp_path), Preprocessing(), Surrogate(), torch.device("cpu"))
    images = torch.rand(4, 12)
    for scores in (inside.logits, inside.deployed, beside.deployed):
        torch.testing.assert_close(scores(images), beside.logits(images), rtol=1e-5, atol=1e-6)
    assert "external data weights.bin" in dict(beside.facts.metadata)


def test_external_weights_in_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    path = changed(with_external(tmp_path), "location", "weights/all.bin")
    (tmp_path / "weights.bin").rename(tmp_path / "weights" / "all.bin")
    assert inspect_onnx(path, Preprocessing()).num_classes == 3


def test_external_weights_missing(tmp_path: Path) -> None:
    path = with_external(tmp_path)
    (tmp_path / "weights.bin").unlink()
    refused(path, "'w'", "missing")


def test_external_weights_too_short(tmp_path: Path) -> None:
    path = with_external(tmp_path)
    (tmp_path / "weights.bin").write_bytes(bytes(10))
    refused(path, "too short")


@pytest.mark.parametrize("offset", ["-5", "many"])
def test_external_weights_with_a_broken_offset(tmp_path: Path, offset: str) -> None:
    refused(changed(with_external(tmp_path), "offset", offset))


def outside_by_dots(folder: Path, secret: Path) -> str:
    return f"../{secret.name}"


def outside_by_root(folder: Path, secret: Path) -> str:
    return str(secret)


def outside_by_link(folder: Path, secret: Path) -> str:
    (folder / "link.bin").symlink_to(secret)
    return "link.bin"


@pytest.mark.parametrize("way", [outside_by_dots, outside_by_root, outside_by_link])
def test_external_weights_outside_of_the_folder(tmp_path: Path, way: Callable[[Path, Path], str]) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(12 * 3 * 4))
    refused(changed(with_external(folder), "location", way(folder, secret)), "outside the model's folder")


@pytest.mark.parametrize("location", ["weights\0.bin", "w" * 5000])
def test_external_weights_in_a_file_that_cannot_be(tmp_path: Path, location: str) -> None:
    refused(changed(with_external(tmp_path), "location", location), "no file can have")


def test_a_sparse_file_of_more_than_2_gib(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)
    refused(path, "2 GiB")


def test_more_than_2_gib_of_weights(tmp_path: Path) -> None:
    path = changed(with_external(tmp_path), "length", str(2**31))
    with (tmp_path / "weights.bin").open("r+b") as file:
        file.truncate(2**31)
    refused(path, "2 GiB")


def test_weights_that_are_no_numbers_are_allowed(tmp_path: Path) -> None:
    weights = np.full((12, 3), np.nan, dtype=np.float32)
    model = model_of([node("MatMul", "x w")], [2, 12], {"w": weights}, output_shape=[2, 3])
    target = load_onnx(saved(tmp_path, model), Preprocessing(), Surrogate(), torch.device("cpu"))
    assert target.logits(torch.rand(3, 12)).isnan().all()
    assert target.deployed(torch.rand(3, 12)).isnan().all()
