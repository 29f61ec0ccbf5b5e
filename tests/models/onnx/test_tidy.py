"""What ONNX Runtime takes is taken, whatever ONNX's checker says; what neither takes is refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.file import read_onnx
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.onnx_import.runtime import opens
from tests.onnx_import.building import model_of, node, some_values
from tests.paths import SHARED

FORMS = SHARED / "cases" / "forms"


def layered() -> ModelProto:
    """3 x 4 x 4 images to five scores, in four nodes."""
    nodes = [node("Flatten", "x", "f"), node("Relu", "f", "r"), node("MatMul", "r w", "m"), node("Add", "m b")]
    constants = {"w": some_values(48, 5), "b": some_values(5, seed=1)}
    return model_of(nodes, ["n", 3, 4, 4], constants, opset=13, output_shape=["n", 5])


def reorder(model: ModelProto, order: list[int]) -> None:
    nodes = [onnx.NodeProto.FromString(model.graph.node[index].SerializeToString()) for index in order]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def untyped(model: ModelProto, place: int, name: str) -> None:
    model.graph.output.insert(place, onnx.ValueInfoProto(name=name))


def twice(field: list, *messages: object) -> None:
    field.extend(messages * 2)


def known(name: str, *shape: int | str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


def branching(model: ModelProto) -> None:
    """An If behind its user, which takes a value of the outer graph in its bodies alone."""
    bodies = [
        helper.make_graph([node("Neg", "m", f"v{end}")], f"body{end}", [], [known(f"v{end}", "n", 5)]) for end in (0, 1)
    ]
    model.graph.node[3].input[0] = "v"
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.node.append(node("If", "yes", "v", then_branch=bodies[0], else_branch=bodies[1]))
    reorder(model, [4, 3, 2, 1, 0])


EDITS: dict[str, Callable[[ModelProto], object]] = {
    "nodes backwards": lambda model: reorder(model, [3, 2, 1, 0]),
    "nodes mixed": lambda model: reorder(model, [2, 0, 3, 1]),
    "untyped extra output": lambda model: untyped(model, 1, "f"),
    "untyped output": lambda model: model.graph.output[0].ClearField("type"),
    "untyped value": lambda model: model.graph.value_info.append(onnx.ValueInfoProto(name="f")),
    "value twice": lambda model: twice(model.graph.value_info, known("f", "n", 48)),
    "nameless value": lambda model: model.graph.value_info.append(known("", "n", 48)),
    "value of an older batch": lambda model: model.graph.value_info.append(known("f", 1, 48)),
    "value of another size": lambda model: model.graph.value_info.append(known("f", "n", 49)),
    "output of another size": lambda model: model.graph.output[0].CopyFrom(known("y", "n", 7)),
    "output of an older batch": lambda model: model.graph.output[0].CopyFrom(known("y", 1, 5)),
    "nameless graph": lambda model: model.graph.ClearField("name"),
    "nameless tensor": lambda model: model.graph.initializer.append(numpy_helper.from_array(np.float32(1))),
    "nameless nodes": lambda model: [one.ClearField("name") for one in model.graph.node],
    "old IR version": lambda model: setattr(model, "ir_version", 3),
    "metadata twice": lambda model: twice(model.metadata_props, onnx.StringStringEntryProto(key="a", value="1")),
    "the standard domain's other name": lambda model: setattr(model.graph.node[1], "domain", "ai.onnx"),
    "operator set twice": lambda model: model.opset_import.append(helper.make_opsetid("", 13)),
    "a domain without a version": lambda model: model.graph.node.append(
        helper.make_node("Gelu", ["f"], ["unused"], domain="com.microsoft")
    ),
    "batch -1": lambda model: setattr(model.graph.input[0].type.tensor_type.shape.dim[0], "dim_value", -1),
    "an output that is the input": lambda model: model.graph.output.append(known("x", "n", 3, 4, 4)),
    "an unused output of a node": lambda model: model.graph.node.append(
        helper.make_node("Dropout", ["f"], ["dropped", "mask"])
    ),
}


def saved(folder: Path, model: ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def load(path: Path) -> Target:
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


@pytest.mark.parametrize("edit", EDITS)
def test_what_the_runtime_takes(tmp_path: Path, edit: str) -> None:
    model = layered()
    EDITS[edit](model)
    assert opens(model.SerializeToString())
    plain = load(saved(tmp_path, layered()))
    target = load(saved(tmp_path, model))
    images = torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert target.facts.num_classes == 5
    assert target.facts.fixed_batch is None
    assert torch.allclose(target.logits(images), plain.logits(images), atol=1e-5)
    assert torch.allclose(target.deployed(images), plain.logits(images), atol=1e-5)


def circle(model: ModelProto) -> None:
    model.graph.node[0].input[0] = "m"


REFUSED: dict[str, Callable[[ModelProto], object]] = {
    "a circle": circle,
    "a value that nobody makes": lambda model: model.graph.node.append(node("Relu", "nowhere", "z")),
    "an output that nobody makes": lambda model: model.graph.output.append(onnx.ValueInfoProto(name="nowhere")),
    "a value made twice": lambda model: model.graph.node.append(node("Neg", "f", "y")),
    "an attribute that nobody knows": lambda model: model.graph.node.append(node("Relu", "f", "z", strange=3)),
    "an IR version of the future": lambda model: setattr(model, "ir_version", 99),
    "no operator set of the standard": lambda model: setattr(model.opset_import[0], "domain", "com.microsoft"),
}


@pytest.mark.parametrize("edit", REFUSED)
def test_what_neither_takes(tmp_path: Path, edit: str) -> None:
    model = layered()
    REFUSED[edit](model)
    assert not opens(model.SerializeToString())
    with pytest.raises(ModelError) as caught:
        load(saved(tmp_path, model))
    assert "\n" not in str(caught.value)
    assert "model.onnx" in str(caught.value)


def test_what_bodies_take_comes_first(tmp_path: Path) -> None:
    model = layered()
    branching(model)
    assert opens(model.SerializeToString())
    sorted_nodes = read_onnx(saved(tmp_path, model)).proto.graph.node
    assert [one.op_type for one in sorted_nodes] == ["Flatten", "Relu", "MatMul", "If", "Add"]


def test_a_graph_deeper_than_the_stack_of_calls(tmp_path: Path) -> None:
    names = ["x", *(f"v{index}" for index in range(3000)), "y"]
    nodes = [node("Relu", source, made) for source, made in pairwise(names)]
    model = model_of(nodes[::-1], ["n", 12], output_shape=["n", 12])
    assert opens(model.SerializeToString())
    assert [one.output[0] for one in read_onnx(saved(tmp_path, model)).proto.graph.node] == names[1:]


@pytest.mark.skipif(not FORMS.exists(), reason=f"no models in {FORMS}")
@pytest.mark.parametrize("form", ["unsorted", "untyped_extra_output"])
def test_files_of_other_tools(form: str) -> None:
    plain, target = load(FORMS / "two.onnx"), load(FORMS / f"{form}.onnx")
    images = torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert target.logits(images).equal(plain.logits(images))
    assert target.deployed(images).equal(plain.deployed(images))
