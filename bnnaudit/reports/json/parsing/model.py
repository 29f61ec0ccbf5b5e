"""The facts about a model from the JSON of a report."""

from bnnaudit.core.facts import GradientFacts, LayerBits, ModelFacts
from bnnaudit.core.scores import ScoreFacts
from bnnaudit.core.threat import Box, InputGrid
from bnnaudit.reports.json.parsing.node import Node, fields_of


def read_model(node: Node) -> ModelFacts:
    """The inverse of `facts_to_json`."""
    scores, single = node["scores"], node["single"]
    of_their_names = (
        "path sha256 format num_classes input_shape layout channels mean std parameters output fixed_batch runtime "
        "unknown_steps operators quantizers"
    )
    return ModelFacts(
        box=read_box(node["input_range"]),
        grid=read_grid(node["grid"]),
        weight_layers=node["bits"]["weight_layers"].read(tuple[LayerBits, ...]),
        gradients=_gradients(node["gradient"]),
        single="" if single.value is None else single.text(),
        scores=None if scores.value is None else _scores(scores),
        metadata=tuple((key, value.text()) for key, value in node["metadata"].items()),
        **fields_of(ModelFacts, node, *of_their_names.split()),
    )


def read_box(node: Node) -> Box:
    """The range of values, the lower end first."""
    low, high = node.pair()
    if not low.finite() < high.finite():
        raise node.refused("a range, the lower end first")
    return Box(low.finite(), high.finite())


def read_grid(node: Node) -> InputGrid | None:
    """The values of an input of whole numbers, at least two in each channel."""
    if node.value is None:
        return None
    first, last, steps = (node[key].entries() for key in ("first", "last", "steps"))
    if not steps or not len(first) == len(last) == len(steps):
        raise node.refused("a grid with as many first and last values as steps")
    for low, high in zip(first, last, strict=True):
        if not low.finite() < high.finite():
            raise high.refused("above the first value")
    return InputGrid(
        node["kind"].text(),
        tuple(entry.finite() for entry in first),
        tuple(entry.finite() for entry in last),
        tuple(entry.whole(1) for entry in steps),
    )


def _scores(node: Node) -> ScoreFacts:
    of_their_names = "tensor operator tail points rejected scale logarithm levels single"
    return ScoreFacts(tied=node["tied_points"].whole(0), **fields_of(ScoreFacts, node, *of_their_names.split()))


def _gradients(node: Node) -> GradientFacts:
    named = fields_of(GradientFacts, node, "source", "cuts", "dead_as_written", "dead", "why")
    return GradientFacts(unseen=node["ends_at"].read(tuple[str, ...]), **named)
