"""The input gradient before any attack: is it there, where does it die, and what does the network do to its input."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.attacks.geometry import ascent_direction, project
from bnnaudit.attacks.table import step_size_of
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import GradientProbe
from bnnaudit.core.target import Target
from bnnaudit.measurements.agreement import SMALLEST_NORMAL, are_probabilities
from bnnaudit.measurements.layer_hooks import layer_calls
from bnnaudit.measurements.zero_gradient import Attached
from bnnaudit.numerics.losses import cross_entropy_signal, exact_cross_entropy_signal
from bnnaudit.numerics.norms import finite_gradients
from bnnaudit.quantization.function_bridge import killing_functions
from bnnaudit.quantization.step_hooks import StepTaken, watching
from bnnaudit.quantization.whole_input import between_whole_numbers

VANISHING = 1e-6
"""Largest entry of a gradient, per unit of error signal, below which rounding decides its signs."""
TINY_NOISE = 1e-4
"""Of the range: noise that changes the logits of any network that does not round its input."""


@dataclass(frozen=True, slots=True)
class Station:
    """A place that the gradient passes on its way back: its name, and for each image whether anything arrived (N,) bool."""

    name: str
    alive: Tensor


def measure_gradient(target: Target, batch: Batch, plan: AuditPlan) -> GradientProbe:
    """Probes N correctly classified images; the network's steps pass gradients by the surrogate that it was built with."""
    if len(batch) == 0:
        return GradientProbe(0)
    images, labels = batch.images, batch.labels
    points = images.detach().clone().requires_grad_()
    logits = target.logits(points)
    ones = torch.ones(len(batch), device=images.device, dtype=logits.dtype)
    plain = _gradient(logits, points, cross_entropy_signal(logits.detach(), labels, ones))
    exact = _gradient(logits, points, exact_cross_entropy_signal(logits.detach(), labels, ones))
    size, strongest = _largest(plain), _largest(exact)
    blocked = strongest < SMALLEST_NORMAL
    with torch.no_grad():
        top = logits.topk(2, dim=1).values
        step = step_size_of(plan.ordinary, plan.threat) or 0.0
        direction = ascent_direction(plain, plan.threat)
        moved = project(images + direction * (step * plan.threat.box.width), images, plan.threat)
    return GradientProbe(
        images=len(batch),
        zero=int((size == 0).sum()),
        denormal=int(((size > 0) & (size < SMALLEST_NORMAL)).sum()),
        blocked=int(blocked.sum()),
        vanishing=int((~blocked & (strongest * plan.threat.box.width < VANISHING)).sum()),
        unmoved=int((moved == images).flatten(1).all(dim=1).sum()),
        dies_at=where_it_dies(target, batch.select(blocked)) if bool(blocked.any()) else "",
        probabilities=are_probabilities(logits.detach()),
        logit_gap=float((top[:, 0] - top[:, 1]).median()),
        rounded_input=rounds_input(target, batch),
    )


def _gradient(logits: Tensor, points: Tensor, signal: Tensor) -> Tensor:
    """(N, ...), zero where the output does not depend on the input as far as autograd knows, or by what is no number."""
    if not logits.requires_grad:
        return torch.zeros_like(points)
    (gradient,) = torch.autograd.grad(logits, points, signal, retain_graph=True, allow_unused=True)
    return torch.zeros_like(points) if gradient is None else finite_gradients(gradient)


def _largest(gradients: Tensor) -> Tensor:
    return gradients.flatten(1).abs().amax(dim=1)


def where_it_dies(target: Target, batch: Batch) -> str:
    """The place at which the signal of most images of `batch` ends, seen from the logits; empty where it does not.

    A hand-written autograd function that hands none of it back is named as well: it may be called between two layers.
    """
    route = stations(target, batch)
    guilty = "".join(f"; the autograd function `{name}` hands none back" for name in _killers(target, batch))
    ends: Counter[str] = Counter()
    for index in range(len(batch)):
        nearer = "the logits"
        for station in reversed(route):
            if not bool(station.alive[index]):
                ends[f"{station.name} (it still arrives at {nearer})"] += 1
                break
            nearer = station.name
        else:
            ends[f"the input (it still arrives at {nearer})"] += 1
    return ends.most_common(1)[0][0] + guilty if ends else ""


def _killers(target: Target, batch: Batch) -> tuple[str, ...]:
    points = batch.images.detach().clone().requires_grad_()
    logits = target.logits(points)
    ones = torch.ones(len(batch), device=points.device, dtype=logits.dtype)
    signal = exact_cross_entropy_signal(logits.detach(), batch.labels, ones)
    return killing_functions(logits, lambda: _gradient(logits, points, signal))


def stations(target: Target, batch: Batch) -> tuple[Station, ...]:
    """Layers and steps in the order of the forward pass, each with the images whose signal arrived at its output."""
    steps: dict[int, Tensor] = {}
    points = batch.images.detach().clone().requires_grad_()
    run: list[Tensor] = []

    def take_step(step: StepTaken) -> None:
        steps[id(step.result)] = step.result

    with watching(take_step):
        calls = layer_calls(target.network, lambda: run.append(target.logits(points)))
    (logits,) = run
    if isinstance(target.network, Attached) or not logits.requires_grad:
        return (Station("a part that is cut off from autograd", torch.zeros(len(batch), dtype=torch.bool)),)
    places = [(f"`{call.name or 'the network'}` ({type(call.layer).__name__})", call.made) for call in calls]
    known = {id(made) for _, made in places}
    places += [(f"step {index}", made) for index, made in enumerate(steps.values()) if id(made) not in known]
    traced = [(name, made) for name, made in places if made.requires_grad and made is not logits]
    ones = torch.ones(len(batch), device=points.device, dtype=logits.dtype)
    signal = exact_cross_entropy_signal(logits.detach(), batch.labels, ones)
    gradients = torch.autograd.grad(logits, [made for _, made in traced], signal, allow_unused=True)
    nobody = torch.zeros(len(batch), dtype=torch.bool, device=points.device)
    return tuple(
        Station(name, nobody if gradient is None else _largest(gradient) >= SMALLEST_NORMAL)
        for (name, _), gradient in zip(traced, gradients, strict=True)
    )


def rounds_input(target: Target, batch: Batch) -> bool:
    """Whether the network sees its input through a grid: a step acts on each input value alone, or noise does nothing.

    The second is told of networks without known steps only, since binary activations swallow small noise as well. That an
    input is one of whole numbers is no such grid: there are no other images.
    """
    target = between_whole_numbers(target)
    if target.facts.quantizers:
        return _steps_on_input(target, batch.select(slice(0, 1)))
    generator = torch.Generator().manual_seed(0)
    noise = (torch.rand(batch.images.shape, generator=generator) * 2 - 1).to(batch.images.device)
    box = target.facts.box
    with torch.no_grad():
        near = (batch.images + noise * (TINY_NOISE * box.width)).clamp(box.low, box.high)
        return bool((target.logits(near) == target.logits(batch.images)).all())


def _steps_on_input(target: Target, image: Batch) -> bool:
    """Whether the first step sees as many values as the image has, of which a single pixel moves exactly one."""
    before = _first_step(target, image.images)
    size = image.images[0].numel()
    if before is None or before.shape[1] != size:
        return False
    box = target.facts.box
    changed = image.images.clone().flatten()
    middle = size // 2
    changed[middle] = box.low + (float(changed[middle]) - box.low + 0.37 * box.width) % box.width
    after = _first_step(target, changed.view_as(image.images))
    return after is not None and after.shape == before.shape and int((after != before).any(dim=0).sum()) == 1


def _first_step(target: Target, images: Tensor) -> Tensor | None:
    """What the first step was given and what it made of it (2, values), for one image; None where there is no step."""
    taken: list[Tensor] = []
    with watching(lambda step: taken.append(torch.stack([step.z.detach().flatten(), step.result.detach().flatten()]))):
        target.logits(images.detach().clone().requires_grad_())
    return taken[0] if taken else None
