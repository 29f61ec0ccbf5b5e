"""The model with one cause of failing attacks taken away, for attacks to climb on; its function stays what it was."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import assert_never

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.scores import PROBABILITY_TOLERANCE
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm
from bnnaudit.core.trial import Source
from bnnaudit.measurements.backward_pass import gradients_at, is_zero
from bnnaudit.measurements.layer_hooks import layer_calls
from bnnaudit.models.score_tensor.form import LogProbabilities
from bnnaudit.numerics.losses import exact_cross_entropy_signal
from bnnaudit.quantization.function_bridge import FunctionBridge
from bnnaudit.quantization.interception import InterceptedNetwork
from bnnaudit.quantization.surrogates import round_step

COPIES = 10
"""Noisy copies over which logits are averaged."""
NOISE = 1 / 8
"""Of the radius."""
TOLERANCE = 1e-3
"""Relative difference of scores that double precision may make."""


class CureUnavailableError(Exception):
    """This cause of failing attacks cannot be taken away from this model; the message says why."""


def cured_model(target: Target, source: Source, plan: AuditPlan, probed: Batch) -> Target:
    """The target to attack for trials of this source; `probed` holds correctly classified images.

    Raises CureUnavailableError. A substitute is not made here.
    """
    match source:
        case Source.WHITE_BOX | Source.SUBSTITUTE:
            return target
        case Source.FLOAT64:
            return _in_float64(target, probed)
        case Source.LOGARITHM:
            return _before_softmax(target, probed)
        case Source.AVERAGED:
            averaged = partial(_averaged, noise=_network_noise(target, plan), seed=plan.seed)
            return replace(target, network=Wrapped(target.network, averaged))
        case Source.BRIDGED:
            behind = _before_softmax(target, probed) if Suspicion.PROBABILITIES in plan.suspicions else target
            return replace(behind, network=_bridged(behind, probed))
        case Source.ROUNDED:
            if target.rounded is None:
                raise CureUnavailableError("no quantizer rounds the scores")
            return replace(target, network=target.rounded)
        case _:
            assert_never(source)


class Wrapped(nn.Module):
    """A network that is run in another way."""

    def __init__(self, network: nn.Module, run: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.network, self.run = network, run

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d), or (N, ...) of the same shape for a layer."""
        return self.run(self.network, inputs)


def _double(network: nn.Module, inputs: Tensor) -> Tensor:
    """In double precision."""
    result: Tensor = network(inputs.double())
    return result


def _averaged(network: nn.Module, inputs: Tensor, noise: float, seed: int) -> Tensor:
    """The mean logits over noisy copies of the network's input; `noise` is its largest size, in the input's own units.

    Every image sees the same copies, whatever batch it is in.
    """
    generator = torch.Generator().manual_seed(seed)
    draws = ((torch.rand(inputs.shape[1:], generator=generator) * 2 - 1) * noise for _ in range(COPIES))
    logits: Iterator[Tensor] = (network(inputs + draw.to(inputs.device, inputs.dtype)) for draw in draws)
    return sum(logits, next(logits)) / COPIES


def _straight_through(layer: nn.Module, values: Tensor) -> Tensor:
    """What a layer computes, with its gradient passed straight through."""
    with torch.no_grad():
        result: Tensor = layer(values)
    return round_step(values, result)


def _network_noise(target: Target, plan: AuditPlan) -> float:
    """An eighth of the radius in units of the network's own input, which normalisation may have stretched."""
    share = plan.threat.radius * NOISE
    if plan.threat.norm is not Norm.LINF:
        share *= plan.features**-0.5
    std = target.prepare.std
    return share / (sum(std) / len(std)) if std else share


def _before_softmax(target: Target, probed: Batch) -> Target:
    """The logarithm of the probabilities: what the network's own softmax was given, where that is seen.

    Where it is not the logarithm is taken of what comes out, in double precision if that can be had: there a softmax
    underflows at gaps of 700, in float32 at gaps of 90.
    """
    bare = replace(target, network=InterceptedNetwork(target.network, Surrogate(), removes_softmax=True))
    images = probed.images[:8]
    with torch.no_grad():
        again, scores = torch.softmax(bare.logits(images), dim=1), target.logits(images)
    if torch.allclose(again, scores, rtol=0.0, atol=PROBABILITY_TOLERANCE):
        return bare
    with contextlib.suppress(CureUnavailableError):
        target = _in_float64(target, probed)
    return replace(target, network=LogProbabilities(target.network))


def _in_float64(target: Target, probed: Batch) -> Target:
    cured = replace(target, network=Wrapped(copy.deepcopy(target.network).double(), _double))
    images = probed.images[:8]
    try:
        with torch.no_grad():
            ours, theirs = cured.logits(images), target.logits(images)
    except (RuntimeError, TypeError) as error:
        raise CureUnavailableError(f"the network does not run in float64 ({str(error).splitlines()[0]})") from error
    if ours.dtype is not torch.float64:
        raise CureUnavailableError("the network casts to float32 by itself")
    scale = theirs.abs().amax().clamp_min(1e-30)
    if bool(((ours - theirs).abs().amax() > TOLERANCE * scale) & (ours.argmax(1) != theirs.argmax(1)).any()):
        raise CureUnavailableError("the network gives other answers in float64")
    return cured


def _bridged(target: Target, probed: Batch) -> nn.Module:
    """The network with everything bridged that keeps its input's shape and kills the gradient: layers, else functions."""
    network = copy.deepcopy(target.network)
    twin = replace(target, network=network)
    for name in dead_layers(twin, probed.select(slice(0, 8))):
        parent, _, leaf = name.rpartition(".")
        owner = network.get_submodule(parent) if parent else network
        setattr(owner, leaf, Wrapped(network.get_submodule(name), _straight_through))
    if _passes_gradient(twin, probed):
        return network
    network = FunctionBridge(network)
    if _passes_gradient(replace(twin, network=network), probed):
        return network
    raise CureUnavailableError("nothing that keeps its input's shape blocks the gradient, so nothing can be bridged")


def _passes_gradient(target: Target, probed: Batch) -> bool:
    points, labels = probed.images[:8].detach().clone().requires_grad_(), probed.labels[:8]
    logits = target.logits(points)
    ones = torch.ones(len(labels), device=logits.device, dtype=logits.dtype)
    (gradient,) = gradients_at(logits, [points], exact_cross_entropy_signal(logits.detach(), labels, ones))
    return not bool(is_zero(gradient).all())


def dead_layers(target: Target, batch: Batch) -> tuple[str, ...]:
    """Names of the innermost layers whose output has its input's shape but passes no gradient back to it.

    Each is tried by itself with a random error signal at its output.
    """
    with torch.no_grad():
        calls = layer_calls(target.network, lambda: target.logits(batch.images))
    return tuple(dict.fromkeys(call.name for call in calls if call.name and _kills(call.layer, call.given)))


def _kills(layer: nn.Module, given: Tensor) -> bool:
    if not given.is_floating_point():
        return False
    values = given.clone().requires_grad_()
    try:
        with torch.enable_grad():
            result = layer(values)
    except (RuntimeError, TypeError):  # a layer of several inputs cannot be bridged
        return False
    if not isinstance(result, Tensor) or result.shape != values.shape:
        return False
    if not result.requires_grad:
        return True
    signal = torch.rand(result.shape, generator=torch.Generator().manual_seed(0)).to(result) + 0.5
    (gradient,) = torch.autograd.grad(result, values, signal, allow_unused=True)
    return gradient is None or not bool(gradient.any())
