"""The index of a graph that is edited, held against one that is made anew after each edit."""

import random

import pytest

from bnnaudit.onnx_import.graph.graph import Graph
from tests.onnx_import.building import model_of, node


def fresh(seed: int) -> Graph:
    draw = random.Random(seed)
    values, nodes = ["x"], []
    for index in range(30):
        nodes.append(node("Sum", " ".join(draw.choices(values, k=draw.randint(1, 3))), f"v{index}"))
        values.append(f"v{index}")
    return Graph(model_of([*nodes, node("Relu", "v29")], (1, 3)))


def edit(graph: Graph, draw: random.Random, step: int) -> None:
    chosen = draw.choice(graph.nodes)
    match draw.randrange(4):
        case 0:
            graph.replace([chosen], [node("Neg", chosen.input[0], chosen.output[0])])
        case 1:
            between = f"n{step}"
            first = node("Abs", chosen.input[0], between)
            graph.replace([chosen, graph.nodes[0]], [first, node("Neg", between, chosen.output[0])])
        case 2:
            graph.rename_uses(chosen.output[0], chosen.input[0])
        case 3:
            graph.append(node("Identity", chosen.output[0], f"n{step}"))


@pytest.mark.parametrize("seed", range(20))
def test_the_index_follows_every_edit(seed: int) -> None:
    graph, draw = fresh(seed), random.Random(seed)
    for step in range(30):
        edit(graph, draw, step)
        names = {name for one in graph.nodes for name in (*one.input, *one.output)}
        found = {name: (graph.maker(name), graph.users(name)) for name in names}
        graph.reindex()
        anew = {name: (graph.maker(name), graph.users(name)) for name in names}
        for name in names:
            assert found[name][0] is anew[name][0], name
            assert [id(user) for user in found[name][1]] == [id(user) for user in anew[name][1]], name


def test_nodes_stand_where_those_stood_that_they_replace() -> None:
    graph = Graph(model_of([node("Relu", "x", "a"), node("Relu", "a", "b"), node("Relu", "b")], (1, 3)))
    first, second, third = graph.nodes
    graph.replace([second], [node("Abs", "a", "c"), node("Neg", "c", "b")])
    absolute, negative = graph.nodes[1:3]
    graph.replace([absolute], [node("Exp", "a", "d"), node("Log", "d", "c")])
    graph.replace([negative], [])
    assert [one.op_type for one in graph.nodes] == ["Relu", "Exp", "Log", "Relu"]
    assert graph.nodes[0] is first
    assert graph.nodes[-1] is third


def test_an_output_that_is_renamed_is_known_by_its_new_name() -> None:
    graph = Graph(model_of([node("Relu", "x", "a"), node("Relu", "a")], (1, 3)))
    graph.rename_output(graph.proto.output[0], "a")
    assert graph.is_output("a")
    assert not graph.is_output("y")
