"""The graph of an imported network, cut where its scores may be: what lies upstream of a tensor, and what behind it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx
from torch.fx.node import Argument, map_arg

from bnnaudit.models.graph_walk import reached
from bnnaudit.models.score_tensor.operators import (
    COMBINING,
    PLAIN,
    POWERS,
    RESCALING,
    RESHAPED,
    ROUNDS_ALONE,
    SQUASHING,
)
from bnnaudit.models.score_tensor.tensor_notes import TensorNote
from bnnaudit.quantization.uniform import GridQuantizer

UNROUNDED = "_unrounded"


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor of the graph that may hold the scores: its node in the graph, and what the file says of it.

    logit_of: None where it has a number for each class; where it has one alone, the class of two that a positive one means.
    """

    node: str
    note: TensorNote
    logit_of: int | None = None


class ScoreGraph:
    """An imported graph whose nodes can be asked what lies between them. It holds the modules of `graph`, not copies.

    Operators that compute and round in one step get a twin that does not round, so that what their rounding hides can be
    climbed as well.
    """

    def __init__(self, graph: fx.GraphModule, notes: Mapping[str, TensorNote]) -> None:
        self.root = copy.copy(graph)
        self.notes = dict(notes)
        self.graph = fx.Graph()
        result = self.graph.graph_copy(graph.graph, {})
        self.graph.output(result)
        for node in list(self.graph.nodes):
            self._unround(graph, node)
        self.nodes = {node.name: node for node in self.graph.nodes}
        (self.result,) = (node.args[0] for node in self.graph.nodes if node.op == "output")

    def _unround(self, graph: fx.GraphModule, node: fx.Node) -> None:
        if node.op != "call_module" or self._operator(node) in ROUNDS_ALONE:
            return
        module = graph.get_submodule(str(node.target))
        if not isinstance(module, GridQuantizer) or "." in str(node.target):  # a twin stands beside it, at the top
            return
        twin = copy.copy(module)
        twin.rounds = False
        target = f"{node.target}{UNROUNDED}"
        self.root.add_module(target, twin)
        note = self.note(node)
        self.notes[target] = TensorNote(f"{note.name} before rounding", note.operator, note.unit)
        with self.graph.inserting_before(node):
            self.graph.create_node("call_module", target, node.args, node.kwargs)

    def _operator(self, node: fx.Node) -> str:
        return self.note(node).operator

    def note(self, node: fx.Node) -> TensorNote:
        """What is known of a node's tensor; the node's own name, and what is called there, where there is no file."""
        known = self.notes.get(str(node.target))
        return TensorNote(node.name, self._called(node)) if known is None else known

    def _called(self, node: fx.Node) -> str:
        """The class of a module, or the plain name of a function: `Linear`, `softmax`."""
        if node.op == "call_module":
            return type(self.root.get_submodule(str(node.target))).__name__
        name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        return str(name).partition(".")[0].strip("_")

    def places(self, given: Tensor, classes: int, single: bool = False) -> tuple[Place, ...]:
        """The tensors that may hold the scores of the graph's input `given` (B, ...), in the order of computation.

        They have a number for each of the classes; of two classes one number may tell, and does where the output is
        `single`. Only such as depend on the image and are not others reshaped; the output comes last, whatever its size.
        """
        run = fx.Interpreter(fx.GraphModule(self.root, self.graph), garbage_collect_values=False)
        with torch.no_grad():
            run.run(given)
        inner = self._after(self._inputs())
        found: list[Place] = []
        for node in self.graph.nodes:
            made = run.env.get(node)
            if node.op == "output" or node is self.result or node not in inner or not isinstance(made, Tensor):
                continue
            if self._operator(node) in RESHAPED and {given.name for given in node.all_input_nodes} & {
                place.node for place in found
            }:
                continue
            readings = _readings(made, len(given), classes, single)
            found += [Place(node.name, self.note(node), logit_of) for logit_of in readings]
        return (*found, Place(self.result.name, self.note(self.result), 1 if single else None))

    def tail(self, place: Place) -> tuple[str, ...]:
        """The operators between a tensor and the output, in order; those that only reshape are left out."""
        names = (name for node in self.between(place, self.result.name) for name in self._operators(node))
        return tuple(name for name in names if name not in RESHAPED)

    def _operators(self, node: fx.Node) -> tuple[str, ...]:
        """The file's operators that a node computes: a quantizer and its dequantizer may be one step."""
        name = self._operator(node)
        return ("QuantizeLinear", name) if name == "DequantizeLinear" and self._is_quantizer(node) else (name,)

    def levels(self, place: Place) -> int | None:
        """The fewest values that a quantizer between a tensor and the output can return; None where there is none."""
        modules = (
            self.root.get_submodule(str(node.target))
            for node in self.between(place, self.result.name)
            if node.op == "call_module"
        )
        counts = [
            int(module.grid.high - module.grid.low) + 1
            for module in modules
            if isinstance(module, GridQuantizer) and module.grid.mantissa is None
        ]
        return min(counts, default=None)

    def is_plain(self, place: Place, other: str) -> bool:
        """Whether nothing between a tensor and a later one rounds or saturates."""
        return all(self._operator(node) in PLAIN for node in self.between(place, other))

    def is_rescaled(self, place: Place, other: str) -> bool:
        """Whether a later tensor is computed from this one by nothing but sums, products, rounding and clipping."""
        return all(self._operator(node) in RESCALING or self._is_quantizer(node) for node in self.between(place, other))

    def is_made_of_powers(self, place: Place) -> bool:
        """Whether all that a tensor depends on of an image are exponentials, added and multiplied."""
        waiting, inner = [self.nodes[place.node]], self._after(self._inputs())
        while waiting:
            node = waiting.pop()
            if node not in inner or self._operator(node) in POWERS:
                continue
            if self._operator(node) not in COMBINING:
                return False
            waiting += node.all_input_nodes
        return True

    def _is_quantizer(self, node: fx.Node) -> bool:
        module = self.root.get_submodule(str(node.target)) if node.op == "call_module" else None
        return isinstance(module, GridQuantizer) and self._operator(node) not in SQUASHING

    def between(self, place: Place, other: str) -> list[fx.Node]:
        """The nodes on the way from a tensor to a later one, which is included; none where there is no way.

        Behind a tensor that was not rounded comes the node that rounds.
        """
        node = self.nodes[place.node]
        rounded = str(node.target).removesuffix(UNROUNDED)
        calls = (step for step in self.graph.nodes if step.op == "call_module" and step.target == rounded)
        first = [next(calls)] if rounded != str(node.target) else []
        after = self._after([node, *first]) | set(first)
        before = self._before([self.nodes[other]]) | {self.nodes[other]}
        return [step for step in self.graph.nodes if step in after and step in before]

    def everything(self, places: Iterable[Place]) -> fx.GraphModule:
        """The network that returns all these tensors."""
        return self._cut([self.nodes[place.node] for place in places])

    def split(self, place: Place) -> tuple[fx.GraphModule, fx.GraphModule]:
        """Head and tail: the head returns the tensor and whatever else the tail takes, which returns the output."""
        node = self.nodes[place.node]
        upstream = self._before([node]) | {node}
        behind = [step for step in self.graph.nodes if step in self._before([self.result]) and step not in upstream]
        behind = [step for step in [*behind, self.result] if step.op != "get_attr" and step not in upstream]
        taken = dict.fromkeys(
            given
            for step in behind
            for given in step.all_input_nodes
            if given.op != "get_attr" and given not in set(behind)
        )
        if self.result in upstream:
            taken = dict.fromkeys([self.result])
        constants = {given for step in behind for given in step.all_input_nodes if given.op == "get_attr"}
        return self._cut([node, *taken]), self._part(taken, constants | set(behind), self.result)

    def _cut(self, results: list[fx.Node]) -> fx.GraphModule:
        """The network that returns these tensors of the image."""
        return self._part([], self._before(results) | {*self._inputs(), *results}, tuple(results))

    def _part(self, given: Iterable[fx.Node], nodes: set[fx.Node], results: Argument) -> fx.GraphModule:
        """The network of some nodes, which takes the tensors of `given` ones."""
        graph = fx.Graph()
        known = {node: graph.placeholder(node.name) for node in given}
        for node in self.graph.nodes:
            if node in nodes:
                known[node] = graph.node_copy(node, known.__getitem__)
        graph.output(map_arg(results, known.__getitem__))
        return fx.GraphModule(self.root, graph)

    def _inputs(self) -> list[fx.Node]:
        return [node for node in self.graph.nodes if node.op == "placeholder"]

    def _before(self, nodes: Iterable[fx.Node]) -> set[fx.Node]:
        return set(reached(nodes, lambda node: node.all_input_nodes))

    def _after(self, nodes: Iterable[fx.Node]) -> set[fx.Node]:
        return set(reached(nodes, lambda node: node.users))


def _readings(made: Tensor, images: int, classes: int, single: bool) -> list[int | None]:
    """How a tensor may be read as scores: as a number for each class, or as the logit of one class of two."""
    readings: list[int | None] = []
    if not single and _holds(made, images, classes):
        readings.append(None)
    if classes == 2 and _holds(made, images, 1):
        readings += [1] if single else [1, 0]
    return readings


def _holds(made: Tensor, images: int, size: int) -> bool:
    """Whether a tensor has `size` numbers for each image; one that lost its batch of one is meant as well."""
    return made.numel() == images * size and (images == 1 or made.shape[:1] == (images,))
