"""How the signal propagates: from the logits back to the input, as the network is and with the two published temperatures."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.report import PlaceGradient, PlaceRow, SignalCurves, SignalRow, SignalTable
from bnnaudit.core.target import Target
from bnnaudit.measurements.backward_pass import gradients_at, is_zero
from bnnaudit.numerics.hessian_scaling import NormSquared, best_betas, gram_norm, search_fine
from bnnaudit.numerics.jacobian import gram_matrix
from bnnaudit.numerics.losses import cross_entropy_signal, split_true_and_rest
from bnnaudit.numerics.norms import flat_norm
from bnnaudit.numerics.sketch import jacobian_sketch, random_directions, sketched_gradient_norm, sketched_norm
from bnnaudit.quantization.step_hooks import StepTaken, followed, step_hook
from bnnaudit.temperature import fit_temperature
from bnnaudit.temperature.hns import EXACT_CLASSES
from bnnaudit.temperature.njs import singular_value_moments

PROBED = 100
"""Images whose Jacobian is measured. Not tuned."""
SKETCHED = 16
"""Random directions in place of the Jacobian where there are many classes."""
GRAPH = 2**24
"""Input values times classes in one chunk of images. Not tuned; it changes no result."""
POINTS = 81
"""Temperatures on the curves against b, evenly spaced in their logarithm."""
MARGIN = 30.0
"""The factor by which the range goes beyond the temperatures that the rules choose."""


def measure_signal(target: Target, batch: Batch, detailed: bool = False) -> SignalTable | None:
    """Signal propagation over the first images of `batch`, all classified correctly; None where there is none.

    `detailed` adds the gradient at every step of the network and the curves against b.
    """
    probed = batch.select(slice(0, PROBED))
    if len(probed) == 0:
        return None
    inputs, labels = target.prepare(probed.images), probed.labels
    logits, norm, gradient_norm = _hessian(target, inputs)
    njs = fit_temperature(Beta(BetaRule.NJS), target, batch)
    start, _ = njs.at_start(target, probed.images, logits, labels)
    betas = (
        torch.ones(len(probed), device=logits.device),
        njs.at_step(start, logits, labels).float(),
        best_betas(logits, labels, norm, search_fine).float(),
    )
    moments = singular_value_moments(target, inputs)
    size = max(1, GRAPH // (inputs[0].numel() * target.facts.num_classes))
    chunks = [slice(start, start + size) for start in range(0, len(inputs), size)]
    parts = [_passages(target, inputs[rows], labels[rows], [b[rows] for b in betas]) for rows in chunks]
    names = parts[0][0]
    sizes = [torch.cat(each, dim=2) for each in zip(*(part for _, part in parts), strict=True)]
    original, published, largest = (
        _signal_row(logits, labels, chosen, moments, at_input)
        for chosen, at_input in zip(betas, sizes[-1], strict=True)
    )
    table = SignalTable(original, published, largest)
    if not detailed:
        return table
    curves = measure_curves(logits, labels, norm, gradient_norm, betas[1:])
    places = (PlaceRow(name, *map(_place_gradient, rules)) for name, rules in zip(names, sizes, strict=True))
    return replace(table, places=tuple(places), curves=curves)


def _hessian(target: Target, inputs: Tensor) -> tuple[Tensor, NormSquared, Callable[[Tensor], Tensor]]:
    """Logits (M, d), the Hessian's squared norm as a function of b, and ||J^T v|| (M,) as one of v (M, d).

    Exact for few classes; for many both are estimated from a sketch.
    """
    if target.facts.num_classes <= EXACT_CLASSES:
        logits, gram = gram_matrix(target.network, inputs)
        return logits, gram_norm(logits, gram), lambda v: torch.einsum("mi,mij,mj->m", v, gram, v).clamp_min(0).sqrt()
    with torch.no_grad():
        logits = target.network(inputs)
    sketch = jacobian_sketch(target.network, inputs, random_directions(SKETCHED, inputs.shape[1:], inputs))
    return logits, sketched_norm(logits, sketch), lambda v: sketched_gradient_norm(v, sketch)


def _passages(
    target: Target, inputs: Tensor, labels: Tensor, betas: Sequence[Tensor]
) -> tuple[list[str], list[Tensor]]:
    """The places from the logits to the input, and for each the `_sizes` (rules, 3, M) of the gradient that the signal of
    each of the temperatures leaves there."""
    steps: list[tuple[str, StepTaken]] = []
    path: list[str] = []

    def note(step: StepTaken) -> None:
        # Weights take steps as well; only what depends on the image is on the signal's way.
        if step.z.requires_grad and step.z.dim() and len(step.z) == len(inputs):
            steps.append((path[-1] if path else "", step))

    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad(), followed(target.network, path), step_hook(note):
        logits = target.network(leaf)
    steps.reverse()
    tensors = [*(step.z for _, step in steps), leaf]
    signals = [cross_entropy_signal(logits.detach(), labels, chosen) for chosen in betas]
    found = [[_sizes(each) for each in (signal, *gradients_at(logits, tensors, signal))] for signal in signals]
    names = ["logits", *_names(target, [name for name, _ in steps]), "input"]
    return names, [torch.stack(rules) for rules in zip(*found, strict=True)]


def _sizes(gradient: Tensor) -> Tensor:
    """Of a gradient (M, ...) at one place: its norm, the norm of its signs, and 1 where it is dead (3, M)."""
    flat = gradient.flatten(1)
    return torch.stack([flat_norm(flat), flat_norm(flat.sign()), is_zero(flat).to(flat.dtype)])


def _place_gradient(sizes: Tensor) -> PlaceGradient:
    return PlaceGradient(float(sizes[0].mean()), float(sizes[2].float().mean()))


def _names(target: Target, paths: Sequence[str]) -> list[str]:
    """The model's own names of the steps that modules at `paths` took; a name that occurs again is numbered."""
    known = [quantizer.name for quantizer in target.facts.quantizers]
    names: list[str] = []
    for path in paths:
        own = next((name for name in known if path == name or path.endswith((f".{name}", f"/{name}"))), path)
        name = own.removeprefix("module.") or "forward"
        again = sum(earlier.partition(" #")[0] == name for earlier in names)
        names.append(f"{name} #{again + 1}" if again else name)
    return names


def _signal_row(
    logits: Tensor, labels: Tensor, betas: Tensor, moments: tuple[Tensor, Tensor], sizes: Tensor
) -> SignalRow:
    """The row of one temperature; sizes (3, M): of the gradient at the input."""
    mean, square = (float((moment * betas**power).mean()) for power, moment in enumerate(moments, start=1))
    signal = cross_entropy_signal(logits, labels, betas)
    return SignalRow(
        jsv_mean=mean,
        jsv_std=max(0.0, square - mean**2) ** 0.5,
        psi_norm=float(flat_norm(signal / betas[:, None]).mean()),
        gradient_norm=float(sizes[0].mean()),
        sign_norm=float(sizes[1].mean()),
        zero_gradient_fraction=float(sizes[2].float().mean()),
        beta_median=float(betas.median()),
        n=len(logits),
    )


def measure_curves(
    logits: Tensor,
    labels: Tensor,
    hessian: NormSquared,
    gradient_norm: Callable[[Tensor], Tensor],
    chosen: Sequence[Tensor],
) -> SignalCurves:
    """The curves of [Gupta & Ajanthan 2022]'s Figures 4 and 5: error signal, softmax Jacobian, Hessian and gradient against b.

    Means over M images with logits (M, d), in double precision, so that nothing underflows before it is drawn.

    `gradient_norm`: ||J^T v|| (M,) of v (M, d). chosen: the temperatures (M,) of some rules, which the range shows, and b = 1.
    """
    low, high = beta_range([float(betas.median()) for betas in chosen])
    betas = torch.logspace(low, high, POINTS, dtype=torch.float64, device=logits.device)
    exact = logits.double()
    signals = [error_signal(exact * beta, labels) for beta in betas]
    softmax = [(beta * softmax_jacobian_norm(exact * beta)).mean() for beta in betas]
    gradients = [(beta * gradient_norm(signal)).mean() for beta, signal in zip(betas, signals, strict=True)]
    return SignalCurves(
        betas=tuple(betas.tolist()),
        psi_norm=tuple(float(signal.norm(dim=1).mean()) for signal in signals),
        softmax_jacobian_norm=tuple(map(float, softmax)),
        hessian_norm=tuple(hessian(betas.expand(len(logits), -1)).sqrt().mean(dim=0).tolist()),
        gradient_norm=tuple(map(float, gradients)),
    )


def beta_range(medians: Sequence[float]) -> tuple[float, float]:
    """log10 of the first and last b: whole decades around 1 and the temperatures given."""
    usable = [1.0, *(b for b in medians if b > 0 and math.isfinite(b))]
    return math.floor(math.log10(min(usable) / MARGIN)), math.ceil(math.log10(max(usable) * MARGIN / 10))


def error_signal(scaled: Tensor, labels: Tensor) -> Tensor:
    """psi = p - y (M, d) of scaled logits; the true class's entry is minus the sum of the others, which keeps its digits."""
    others = torch.softmax(scaled, dim=1).scatter(1, labels[:, None], 0.0)
    return others.scatter(1, labels[:, None], -others.sum(dim=1, keepdim=True))


def softmax_jacobian_norm(scaled: Tensor) -> Tensor:
    """||diag p - p p^T||_F (M,) of scaled logits, without taking a small difference of large numbers."""
    top = scaled.argmax(dim=1)
    p = torch.softmax(scaled, dim=1)
    _, rest = split_true_and_rest(p, top)
    others = rest.clamp_min(0)
    total = others.sum(dim=1)
    squares = others.square().sum(dim=1)
    first = 1 - total
    inner = (others - others.square()).square().sum(dim=1) + (squares.square() - others.pow(4).sum(dim=1)).clamp_min(0)
    return ((first * total).square() + 2 * first.square() * squares + inner).sqrt()
