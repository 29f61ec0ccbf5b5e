"""The input gradient before any attack: whether there is one, where it vanishes, and what the network does to its input."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.attacks.geometry import ascent_direction, project
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import GradientProbe
from bnnaudit.core.scores import are_probabilities
from bnnaudit.core.target import Target
from bnnaudit.core.vanishing import where_it_vanishes
from bnnaudit.measurements.backward_pass import SMALLEST_NORMAL, gradients_at, is_zero, largest_entry
from bnnaudit.measurements.layer_hooks import layer_calls
from bnnaudit.numerics.losses import cross_entropy_signal, exact_cross_entropy_signal
from bnnaudit.quantization.function_bridge import killing_functions
from bnnaudit.quantization.integer_input import without_input_rounding
from bnnaudit.quantization.step_hooks import StepTaken, step_hook
from bnnaudit.quantization.zero_gradient import Attached

VANISHING = 1e-6
"""Largest entry of a gradient, per unit of error signal, below which rounding decides its signs."""
TINY_NOISE = 1e-4
"""Share of the range: noise of this size changes the logits of any network that does not round its input. Not tuned."""


def measure_gradient(target: Target, batch: Batch, plan: AuditPlan) -> GradientProbe:
    """Probes N correctly classified images; the network's steps pass gradients by the surrogate that it was built with."""
    if len(batch) == 0:
        return GradientProbe(0)
    images, labels = batch.images, batch.labels
    points = images.detach().clone().requires_grad_()
    logits = target.logits(points)
    ones = torch.ones(len(batch), device=images.device, dtype=logits.dtype)
    (plain,) = gradients_at(logits, [points], cross_entropy_signal(logits.detach(), labels, ones))
    (exact,) = gradients_at(logits, [points], exact_cross_entropy_signal(logits.detach(), labels, ones))
    size, strongest = largest_entry(plain), largest_entry(exact)
    blocked = strongest < SMALLEST_NORMAL
    with torch.no_grad():
        top = logits.topk(2, dim=1).values
        step = plan.ordinary.first_step(plan.threat)
        direction = ascent_direction(plain, plan.threat)
        moved = project(images + direction * (step * plan.threat.box.width), images, plan.threat)
    return GradientProbe(
        images=len(batch),
        zero=int((size == 0).sum()),
        denormal=int(((size > 0) & (size < SMALLEST_NORMAL)).sum()),
        blocked=int(blocked.sum()),
        vanishing=int((~blocked & (strongest * plan.threat.box.width < VANISHING)).sum()),
        unmoved=int((moved == images).flatten(1).all(dim=1).sum()),
        blocked_at=what_blocks_it(target, batch.select(blocked)) if bool(blocked.any()) else "",
        probabilities=are_probabilities(logits.detach()),
        logit_gap=float((top[:, 0] - top[:, 1]).median()),
        rounded_input=rounds_input(target, batch),
    )


def what_blocks_it(target: Target, batch: Batch) -> str:
    """The place at which the gradient of most images of `batch`, all of them blocked, vanishes, and the one before it.

    A hand-written autograd function that hands none of it back is named as well: it may be called between two layers.
    """
    points = batch.images.detach().clone().requires_grad_()
    logits, tensors = _followed(target, points)
    ones = torch.ones(len(batch), device=points.device, dtype=logits.dtype)
    signal = exact_cross_entropy_signal(logits.detach(), batch.labels, ones)
    if isinstance(target.network, Attached) or not logits.requires_grad:
        places = [("a part that is cut off from autograd", 1.0)]
    else:
        gradients = gradients_at(logits, [tensor for _, tensor in tensors], signal)
        places = [
            (name, float(is_zero(gradient).double().mean()))
            for (name, _), gradient in zip(tensors, gradients, strict=True)
        ]
    names, zero = zip(("the logits", 0.0), *reversed(places), ("the input", 1.0), strict=True)
    end = where_it_vanishes(zero)
    assert end is not None
    assert end.place, "the error signal at the logits is not zero, and that at the input is"
    blocking = killing_functions(logits, lambda: gradients_at(logits, [points], signal))
    functions = "".join(f"; the autograd function `{name}` hands none back" for name in blocking)
    return f"{names[end.place]} (it still arrives at {names[end.place - 1]}){functions}"


def _followed(target: Target, points: Tensor) -> tuple[Tensor, list[tuple[str, Tensor]]]:
    """The logits, and what layers and steps made on the way to them, named, in their order."""
    run: list[Tensor] = []
    taken: list[StepTaken] = []
    with step_hook(taken.append):
        calls = layer_calls(target.network, lambda: run.append(target.logits(points)))
    (logits,) = run
    places = [(f"`{call.name or 'the network'}` ({type(call.layer).__name__})", call.made) for call in calls]
    known = {id(made) for _, made in places}
    steps = {id(step.result): step.result for step in taken}
    places += [(f"step {index}", made) for index, made in enumerate(steps.values()) if id(made) not in known]
    return logits, [(name, made) for name, made in places if made.requires_grad and made is not logits]


def rounds_input(target: Target, batch: Batch) -> bool:
    """Whether the network sees its input through a grid: a step acts on each input value alone, or noise does nothing.

    The second is asked of networks without known steps only, since binary activations swallow small noise as well. That an
    input is one of whole numbers is no such grid: there are no other images.
    """
    target = without_input_rounding(target)
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
    with step_hook(lambda step: taken.append(torch.stack([step.z.detach().flatten(), step.result.detach().flatten()]))):
        target.logits(images.detach().clone().requires_grad_())
    return taken[0] if taken else None
