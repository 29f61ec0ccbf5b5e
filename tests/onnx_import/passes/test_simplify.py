import numpy as np
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.passes.simplify import simplify
from tests.onnx_import.building import by_import, by_runtime, model_of, node, some_values


def plain(model: ModelProto) -> Graph:
    copy = ModelProto()
    copy.CopyFrom(model)
    return Graph(simplify(copy))


def operators(model: ModelProto) -> list[str]:
    return [found.op_type for found in plain(model).nodes]


CONSTANTS = [
    ({"value": numpy_helper.from_array(np.array([[1.5, 2]], dtype=np.float32))}, np.array([[1.5, 2]])),
    ({"value_float": 2.5}, np.array(2.5)),
    ({"value_floats": [1.0, 2.0]}, np.array([1.0, 2.0])),
    ({"value_int": 3}, np.array(3)),
    ({"value_ints": [3, 4]}, np.array([3, 4])),
]


@pytest.mark.parametrize(("settings", "expected"), CONSTANTS)
def test_constants_are_stored(settings: dict[str, object], expected: np.ndarray) -> None:
    floats = expected.dtype.kind == "f"
    cast = node("Cast", "c", "f", to=TensorProto.FLOAT)
    model = model_of([node("Constant", "", "c", **settings), cast, node("Mul", "x f")], ["n", 2])
    graph = plain(model)
    assert [found.op_type for found in graph.nodes] == ["Mul"]
    np.testing.assert_array_equal(graph.constant(graph.nodes[0].input[1]), expected)
    assert floats or graph.constant(graph.nodes[0].input[1]).dtype == np.float32


def test_identity_and_dropout_go() -> None:
    nodes = [node("Identity", "x", "a"), node("Dropout", "a r", "b"), node("Relu", "b", "c"), node("Identity", "c")]
    model = model_of(nodes, ["n", 2], {"r": np.float32(0.3)})
    assert operators(model) == ["Relu", "Identity"], "the one that makes the output stays"
    values = some_values(3, 2)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))


def test_a_dropout_that_returns_its_input_as_output() -> None:
    dropout = node("Dropout", "a")
    dropout.output.append("mask")
    model = model_of([node("Relu", "x", "a"), dropout], ["n", 2])
    assert operators(model) == ["Relu", "Identity"]


def test_a_dropout_in_training_stays() -> None:
    nodes = [node("Dropout", "x r t", "a"), node("Relu", "a")]
    model = model_of(nodes, ["n", 2], {"r": np.float32(0.3), "t": np.array(True)})
    assert operators(model) == ["Dropout", "Relu"]


def test_constants_are_computed_as_onnx_runtime_does() -> None:
    """Exponentials differ from library to library in the last bit; folded ones are ONNX Runtime's."""
    weights = some_values(50, 40)
    nodes = [node("Exp", "w", "e"), node("Transpose", "e", "t", perm=[1, 0]), node("Div", "t two", "d")]
    model = model_of([*nodes, node("MatMul", "x d")], ["n", 40], {"w": weights, "two": np.float32(3)})
    graph = plain(model)
    assert [found.op_type for found in graph.nodes] == ["MatMul"]
    values = np.eye(40, dtype=np.float32)
    np.testing.assert_array_equal(graph.constant(graph.nodes[0].input[1]), by_runtime(model, values))


def test_shared_weights_behind_identities() -> None:
    """The TorchScript exporter writes a tensor once and repeats it through Identity."""
    nodes = [node("Identity", "w", "again"), node("MatMul", "x w", "a"), node("MatMul", "a again")]
    graph = plain(model_of(nodes, ["n", 3], {"w": some_values(3, 3)}))
    assert [list(found.input) for found in graph.nodes] == [["x", "w"], ["a", "w"]]


def test_random_numbers_are_not_folded() -> None:
    nodes = [node("RandomNormalLike", "w", "r"), node("Add", "x r")]
    assert operators(model_of(nodes, ["n", 3], {"w": some_values(3)})) == ["RandomNormalLike", "Add"]


def test_unknown_operators_on_constants_stay() -> None:
    model = model_of(
        [node("Strange", "w", "s", domain="my.domain"), node("Add", "x s")], ["n", 3], {"w": some_values(3)}
    )
    model.opset_import.append(helper.make_opsetid("my.domain", 1))
    assert operators(model) == ["Strange", "Add"]


def test_unused_outputs_of_a_maximum_go() -> None:
    pool = node("MaxPool", "x", kernel_shape=[2, 2])
    pool.output.append("indices")
    model = model_of([pool], [1, 2, 4, 4])
    assert [list(found.output) for found in plain(model).nodes] == [["y"]]
    values = some_values(1, 2, 4, 4)
    np.testing.assert_array_equal(by_import(model, values), by_runtime(model, values))


def test_dead_nodes_and_weights_go() -> None:
    nodes = [node("Add", "x w", "dead"), node("Relu", "dead", "deader"), node("Mul", "x v")]
    graph = plain(model_of(nodes, ["n", 3], {"w": some_values(3), "v": some_values(3)}))
    assert [found.op_type for found in graph.nodes] == ["Mul"]
    assert set(graph.initializers) == {"v"}


def test_local_functions_are_inlined() -> None:
    double = helper.make_function(
        "my.functions", "Double", ["a"], ["b"], [node("Add", "a a", "b")], [helper.make_opsetid("", 20)]
    )
    model = model_of([node("Double", "x", domain="my.functions")], ["n", 3])
    model.functions.append(double)
    model.opset_import.append(helper.make_opsetid("my.functions", 1))
    values = some_values(2, 3)
    assert operators(model) == ["Add"]
    np.testing.assert_array_equal(by_import(model, values), 2 * values)


def test_the_standard_domain_has_two_names() -> None:
    model = model_of([node("Relu", "x", domain="ai.onnx")], ["n", 3])
    model.opset_import[0].domain = "ai.onnx"
    graph = plain(model)
    assert (graph.opset, graph.nodes[0].domain) == (20, "")
