"""The differentiable copy of a user's network, by the first way that works, and what is known of its steps.

The operators that it runs are recorded; where that fails the steps of its modules are measured; and where that finds none
the code is taken as it is, and what is in it is not known.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from bnnaudit.core.facts import Differentiation, GradientFacts, OperatorCount, OutputKind, QuantizerFact
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.checkpoint.observation import Observation
from bnnaudit.models.checkpoint.replay import copied
from bnnaudit.models.checkpoint.tracing.capture import CaptureError
from bnnaudit.models.checkpoint.tracing.modules import is_known, with_measured_steps
from bnnaudit.models.checkpoint.tracing.trace import check_agreement, trace
from bnnaudit.models.score_tensor.form import LogProbabilities
from bnnaudit.models.speed import speed_up
from bnnaudit.quantization.function_bridge import foreign_functions
from bnnaudit.quantization.interception import InterceptedNetwork
from bnnaudit.quantization.quantizers import named_quantizers, with_surrogate
from bnnaudit.quantization.zero_gradient import attached_network

OWN_BACKWARD = "own backward"


@dataclass(frozen=True, slots=True)
class Differentiable:
    """A network (N, *input_shape) -> logits (N, d) with a gradient, its steps, and where both come from."""

    network: nn.Module
    quantizers: tuple[QuantizerFact, ...]
    gradients: GradientFacts


@dataclass(frozen=True, slots=True)
class UsersNetwork:
    """A network (in eval mode, on the CPU), which is taken over, and what was seen of it.

    inputs (N, *input_shape): a few, on the CPU, on which a copy has to agree with it. kind: what its scores are.
    """

    network: nn.Module
    inputs: Tensor
    seen: Observation
    kind: OutputKind
    device: torch.device

    def differentiable(self, surrogate: Surrogate, records: bool = True) -> Differentiable:
        """Its copy on the device; records: whether its operators may be recorded."""
        known = all(is_known(module) for module in self.network.modules())
        found = self._known() if known else self._foreign(surrogate, records)
        chosen = with_surrogate(found.network, surrogate).to(self.device)
        inputs = self.inputs.to(self.device)
        network = attached_network(chosen, inputs)
        dead = replace(found.gradients, dead=_is_dead(_gradient_as_written(network, inputs)))
        return replace(found, network=network, gradients=dead)

    def _known(self) -> Differentiable:
        """Of modules whose steps are all known."""
        ours, made = self._ours(), copied(self.network)
        if made is not self.network:
            made = speed_up(made, self.inputs, bool(ours), self.device)
        return Differentiable(self._to_logits(made), ours, GradientFacts(Differentiation.MODULES))

    def _foreign(self, surrogate: Surrogate, records: bool) -> Differentiable:
        if not records:
            return self._unrecorded("its recorded operators give different classes for images of the sample", surrogate)
        inputs = self.inputs.to(self.device)
        try:
            traced = trace(self.network.to(self.device), inputs, self.seen.output is not OutputKind.LOGITS)
        except CaptureError as error:
            self.network.cpu()
            return self._unrecorded(str(error), surrogate)
        written = _gradient_as_written(self.network, inputs)
        own = _own_backwards(self.network, inputs)
        self.network.cpu()
        if not (traced.quantizers or traced.cuts or traced.unseen or own) and written is not None:
            return self._known()
        facts = GradientFacts(Differentiation.RECORDED, (*traced.cuts, *own), _is_dead(written), unseen=traced.unseen)
        probabilities = self.kind is OutputKind.SOFTMAX and not traced.logits
        copy = LogProbabilities(traced.network) if probabilities else traced.network
        return Differentiable(copy, traced.quantizers, facts)

    def _unrecorded(self, why: str, surrogate: Surrogate) -> Differentiable:
        """With the steps of its modules measured, where some are found, and calls of steps intercepted."""
        try:
            network, measured = with_measured_steps(self.network, self.inputs)
            check_agreement(self.network, network, self.inputs)
        except Exception:  # the network is the user's code
            network, measured = self.network, ()
        source = Differentiation.MEASURED if measured else Differentiation.CODE
        intercepted = self._to_logits(InterceptedNetwork(network, surrogate, self.seen.output is not OutputKind.LOGITS))
        steps = (*self._ours(), *measured, *(step for step in self.seen.steps if not _inside(step, measured)))
        dead = _is_dead(_gradient_as_written(self.network, self.inputs))
        facts = GradientFacts(source, dead_as_written=dead, why=why)
        return Differentiable(intercepted, steps, facts)

    def _ours(self) -> tuple[QuantizerFact, ...]:
        return tuple(QuantizerFact(name, module.op, module.bits) for name, module in named_quantizers(self.network))

    def _to_logits(self, network: nn.Module) -> nn.Module:
        """Before its softmax; wrapped only where it has something to intercept."""
        ends_in_softmax = self.seen.output is not OutputKind.LOGITS
        if ends_in_softmax and not isinstance(network, InterceptedNetwork):
            network = InterceptedNetwork(network, Surrogate(), removes_softmax=True)
        return LogProbabilities(network) if self.kind is OutputKind.SOFTMAX and not ends_in_softmax else network


def _is_dead(gradient: Tensor | None) -> bool:
    return gradient is None or not bool(gradient.any())


def _inside(step: QuantizerFact, measured: tuple[QuantizerFact, ...]) -> bool:
    """Whether a step was taken inside of a module that counts as one itself."""
    return any(step.name == outer.name or step.name.startswith(f"{outer.name}.") for outer in measured)


def _gradient_as_written(network: nn.Module, inputs: Tensor) -> Tensor | None:
    """The gradient (N, *input_shape) of a weighted sum of the scores as the code returns it; None where it returns none."""
    try:
        points, scores = _run_as_written(network, inputs)
        weights = torch.linspace(-1.0, 1.0, scores.shape[1], device=scores.device, dtype=scores.dtype)
        (gradient,) = torch.autograd.grad((scores * weights).sum(), points, allow_unused=True)
    except Exception:  # the network is the user's code
        return None
    return gradient


def _run_as_written(network: nn.Module, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """A leaf with the values of inputs (N, *input_shape), and the scores that the code returns of it, with a graph."""
    points = inputs.detach().clone().requires_grad_()
    with torch.enable_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return points, network(points.clone())


def _own_backwards(network: nn.Module, inputs: Tensor) -> tuple[OperatorCount, ...]:
    """How many hand-written autograd functions stand on the way from the scores to the image."""
    try:
        count = sum(1 for _ in foreign_functions(_run_as_written(network, inputs)[1]))
    except Exception:  # the network is the user's code
        return ()
    return (OperatorCount(OWN_BACKWARD, count),) if count else ()
