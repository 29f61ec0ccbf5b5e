"""Networks that return scores: of a converted graph as it is, or of a tensor upstream of its output, which stays the judge."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, fx, nn

from bnnaudit.models.score_tensor.form import EVERY_CLASS, ScoreForm, SingleScore, as_rows, log_of, two_classes
from bnnaudit.models.score_tensor.graph import Place, ScoreGraph
from bnnaudit.models.score_tensor.tensor_notes import TensorNote
from bnnaudit.quantization.step_hooks import removing

TIE_MARGIN = 1e-5
"""Of the spread of the scores: how far the output's class is put above another one that it ties with. Not tuned: more than
float32's rounding, and less than any attack looks at."""


class Scores(nn.Module):
    """Scores (N, d) of a converted graph, in the precision of its input, whatever axes it leaves.

    notes: what the file says of the graph's tensors, by the module that makes them.
    """

    def __init__(
        self, graph: nn.Module, form: ScoreForm = EVERY_CLASS, notes: Mapping[str, TensorNote] | None = None
    ) -> None:
        super().__init__()
        self.graph = graph
        self.form = form
        self.notes = dict(notes or {})

    def forward(self, values: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d)."""
        scores: Tensor = self.graph(values)
        return self.form.rows(scores, len(values)).to(values.dtype)


class AllPlaces(nn.Module):
    """Every tensor in question at once (N, m d), the output last."""

    def __init__(self, graph: fx.GraphModule, places: tuple[Place, ...], form: ScoreForm) -> None:
        super().__init__()
        self.graph = graph
        self.places = places
        self.form = form

    def forward(self, values: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, m d)."""
        *inner, output = self.graph(values)
        pairs = zip(inner, self.places[:-1], strict=True)
        rows = [upstream_rows(tensor, len(values), place.logit_of) for tensor, place in pairs]
        return torch.cat([*rows, self.form.rows(output, len(values)).to(values.dtype)], dim=1)


class ClimbedScores(nn.Module):
    """A tensor upstream of the output, times `scale`, whose largest entry is in the class that the output decides for.

    Where the tensor's order says otherwise, which it does only where the output is tied, the output's class is raised above
    the others by `TIE_MARGIN`: the largest score is then that of the model's own answer, while the gradient
    stays that of the tensor. judged: without it the tensor is returned as it is. logarithm: its logarithm is, for tensors of
    probabilities. logit_of: the class of which a single number is the logit. precise: the head in double precision, where a
    softmax underflows at gaps of 700 instead of 100; what judges stays in the model's own.
    """

    def __init__(
        self,
        head: fx.GraphModule,
        tail: fx.GraphModule,
        form: ScoreForm,
        scale: float = 1.0,
        logarithm: bool = False,
        precise: fx.GraphModule | None = None,
        logit_of: int | None = None,
    ) -> None:
        super().__init__()
        self.head, self.tail, self.precise = head, tail, precise
        self.form, self.scale, self.logarithm, self.logit_of = form, scale, logarithm, logit_of
        self.judged = True

    def forward(self, values: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d)."""
        climbed, *rest = self.head(values) if self.precise is None else self._in_both(self.precise, values)
        scores = upstream_rows(climbed, len(values), self.logit_of)
        if self.logarithm:
            scores = log_of(scores)
        scores = scores.to(values.dtype)
        if self.scale != 1.0:
            scores = scores * self.scale
        if not self.judged:
            return scores
        with torch.no_grad():
            answer = self.form.rows(self.tail(*rest), len(values)).argmax(dim=1, keepdim=True)
        return with_answer(scores, answer)

    def _in_both(self, precise: fx.GraphModule, values: Tensor) -> list[Tensor]:
        with torch.no_grad():
            _, *rest = self.head(values)
        return [precise(values.double())[0], *rest]


def upstream_rows(tensor: Tensor, count: int, logit_of: int | None) -> Tensor:
    """A tensor upstream of the output as scores (N, d); a single number is the logit of one class of two."""
    rows = as_rows(tensor, count)
    rows = rows if rows.is_floating_point() else rows.float()
    if logit_of is None:
        return rows
    both = two_classes(rows, SingleScore.LOGIT)
    return both if logit_of == 1 else both.flip(1)


def with_answer(scores: Tensor, answer: Tensor) -> Tensor:
    """Scores (N, d) with the largest in class `answer` (N, 1), raised where it was not; gradients stay as they are."""
    plain = scores.detach()
    top, least = plain.amax(dim=1, keepdim=True), plain.amin(dim=1, keepdim=True)
    margin = TIE_MARGIN * (top - least) + torch.finfo(plain.dtype).eps * 8 * top.abs() + torch.finfo(plain.dtype).tiny
    agrees = plain.argmax(dim=1, keepdim=True) == answer
    lift = torch.where(agrees, torch.zeros_like(top), top - plain.gather(1, answer) + margin)
    return scores.scatter_add(1, answer, lift)


class ScorePlaces:
    """The tensors of a network that may hold its scores, and the networks that return them."""

    def __init__(
        self, network: nn.Module, scores: nn.Module, places: tuple[Place, ...], graph: ScoreGraph, form: ScoreForm
    ) -> None:
        self.places = places
        self.graph = graph
        self._network, self._scores, self._form = network, scores, form

    def everything(self) -> nn.Module:
        """(N, *input_shape) -> (N, m d): all of them, the output last."""
        return _exchanged(
            self._network, self._scores, AllPlaces(self.graph.everything(self.places), self.places, self._form)
        )

    def climbing(self, place: Place, scale: float, logarithm: bool = False, precise: bool = False) -> nn.Module:
        """(N, *input_shape) -> (N, d): the network for attacks to climb at this place, its output the judge.

        precise: in double precision, for a network that can be computed so.
        """
        head, tail = self.graph.split(place)
        twin = copy.deepcopy(head).double() if precise else None
        climbed = ClimbedScores(head, tail, self._form, scale, logarithm, twin, place.logit_of)
        return _exchanged(self._network, self._scores, climbed)


def score_places(network: nn.Module, inputs: Tensor, classes: int) -> ScorePlaces | None:
    """Where the scores of a network may be, from a run on `inputs`; None for a network that holds no graph, or several."""
    graphs = [module for module in network.modules() if isinstance(module, fx.GraphModule)]
    if len(graphs) != 1:
        return None
    (imported,) = graphs
    owners = [module for module in network.modules() if isinstance(module, Scores)]
    form, notes = (owners[0].form, owners[0].notes) if owners else (EVERY_CLASS, {})
    given: list[Tensor] = []
    note = imported.register_forward_pre_hook(lambda _, arguments: given.append(arguments[0]))
    with torch.no_grad(), removing([note]):
        network(inputs)
    graph = ScoreGraph(imported, notes)
    places = graph.places(given[0], classes, form.single is not None)
    return ScorePlaces(network, owners[0] if owners else imported, places, graph, form)


def unjudged(network: nn.Module) -> nn.Module:
    """The network without the output that judges a tensor upstream of it; itself where there is none."""
    climbed = next((module for module in network.modules() if isinstance(module, ClimbedScores)), None)
    if climbed is None:
        return network
    alone = copy.copy(climbed)
    alone.judged = False
    return _exchanged(network, climbed, alone)


def _exchanged(network: nn.Module, old: nn.Module, new: nn.Module) -> nn.Module:
    """The network with one part exchanged; weights are shared, the original is left as it was."""
    if network is old:
        return new.eval()
    shared: dict[int, object] = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    return copy.deepcopy(network, memo={**shared, id(old): new}).eval()
