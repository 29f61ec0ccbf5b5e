import numpy as np

from bnnaudit.onnx_import.graph.graph import Graph, attribute, qualified_name
from tests.onnx_import.building import model_of, node, some_values


def chain() -> Graph:
    nodes = [node("Add", "x w", "a"), node("Relu", "a", "b"), node("Mul", "b a", settings=3)]
    return Graph(model_of(nodes, ["n", 3], {"w": some_values(3)}))


def test_makers_and_users() -> None:
    graph = chain()
    add, relu, mul = graph.nodes
    assert graph.maker("a") is add
    assert graph.maker("x") is graph.maker("w") is graph.maker("nowhere") is None
    assert graph.users("a") == [relu, mul]
    assert graph.is_output("y")
    assert not graph.is_output("a")


def test_shapes_and_types() -> None:
    graph = chain()
    assert (graph.shape("x"), graph.shape("w"), graph.shape("a"), graph.shape("y")) == ((None, 3), (3,), None, None)
    assert (graph.element_type("x"), graph.element_type("w"), graph.element_type("a")) == (1, 1, 0)


def test_replaced_nodes_keep_the_order() -> None:
    graph = chain()
    first, second = node("Neg", "a", "c"), node("Abs", "c", "b")
    graph.replace([graph.nodes[1]], [first, second])
    graph.save()
    assert [found.op_type for found in graph.model.graph.node] == ["Add", "Neg", "Abs", "Mul"]
    assert graph.maker("b") is second


def test_constants() -> None:
    graph = chain()
    np.testing.assert_array_equal(graph.constant("w"), some_values(3))
    assert graph.constant("x") is None
    graph.add_constant("w", np.arange(3))
    graph.add_constant("v", np.float32(2))
    np.testing.assert_array_equal(Graph(graph.model).constant("w"), [0, 1, 2])
    np.testing.assert_array_equal(Graph(graph.model).constant("v"), 2)


def test_fresh_names() -> None:
    graph = chain()
    assert graph.fresh_name("new") == "new"
    assert graph.fresh_name("a") not in {"a", "b", "x", "w", "y"}


def test_names_and_attributes_of_nodes() -> None:
    graph = chain()
    assert attribute(graph.nodes[2], "settings") == 3
    assert attribute(graph.nodes[2], "other", "default") == "default"
    assert qualified_name(graph.nodes[0]) == "Add"
    assert qualified_name(node("Quant", "x", domain="a.domain")) == "a.domain.Quant"
