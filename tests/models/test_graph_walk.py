"""The walk over a graph, held against a graph whose paths are written down."""

from torch import fx

from bnnaudit.models.graph_walk import reached


def diamond() -> dict[str, fx.Node]:
    """given -> left, right -> both -> output, and `aside`, which leads nowhere."""
    graph = fx.Graph()
    given = graph.placeholder("given")
    left, right = graph.call_method("abs", (given,)), graph.call_method("neg", (given,))
    both = graph.call_method("add", (left, right))
    aside = graph.call_method("sign", (left,))
    return {"given": given, "left": left, "right": right, "both": both, "aside": aside, "output": graph.output(both)}


def test_each_node_is_reached_once_and_a_start_only_by_a_way_back() -> None:
    nodes = diamond()
    before = list(reached([nodes["output"]], lambda node: node.all_input_nodes))
    assert len(before) == 4
    assert set(before) == {nodes[name] for name in ("both", "left", "right", "given")}
    assert set(reached([nodes["left"]], lambda node: node.users)) == {
        nodes[name] for name in ("both", "aside", "output")
    }
    assert nodes["left"] in reached([nodes["left"]], lambda node: [*node.users, *node.all_input_nodes])


def test_a_way_that_is_closed_is_not_gone() -> None:
    nodes = diamond()
    closed = (nodes["left"], nodes["right"])
    ways = reached([nodes["output"]], lambda node: [part for part in node.all_input_nodes if part not in closed])
    assert list(ways) == [nodes["both"]]
