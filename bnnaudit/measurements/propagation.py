"""How the signal propagates: from the logits back to the input, as the network is and with the two published temperatures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.report import PlaceGradient, PlaceRow, SignalRow, SignalTable
from bnnaudit.core.target import Target
from bnnaudit.measurements.backward_pass import gradients_at, is_zero
from bnnaudit.measurements.propagation_curves import measure_curves
from bnnaudit.numerics.hessian_scaling import NormSquared, best_betas, gram_norm, search_fine
from bnnaudit.numerics.jacobian import gram_matrix
from bnnaudit.numerics.losses import cross_entropy_signal
from bnnaudit.numerics.norms import flat_norm
from bnnaudit.numerics.sketch import jacobian_sketch, random_directions, sketched_gradient_norm, sketched_norm
from bnnaudit.quantization.step_hooks import StepTaken, followed, watching
from bnnaudit.temperature import fit_temperature
from bnnaudit.temperature.hns import EXACT_CLASSES
from bnnaudit.temperature.njs import singular_value_moments

PROBED = 100
"""Images whose Jacobian is taken."""
SKETCHED = 16
"""Random directions in place of the Jacobian where there are many classes."""
GRAPH = 2**24
"""Numbers of the input, times classes, in one chunk of images."""


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
    mean, square = singular_value_moments(target, inputs)
    parts = [
        _passages(target, inputs[rows], labels[rows], [b[rows] for b in betas]) for rows in _chunks(target, inputs)
    ]
    places = _joined(parts)
    original, published, largest = (
        _signal_row(logits, labels, chosen, (mean, square), gradients)
        for chosen, gradients in zip(betas, places[-1].gradients, strict=True)
    )
    table = SignalTable(original, published, largest)
    if not detailed:
        return table
    curves = measure_curves(logits, labels, norm, gradient_norm, betas[1:])
    return replace(table, places=tuple(place.row() for place in places), curves=curves)


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


def _chunks(target: Target, inputs: Tensor) -> Iterator[slice]:
    size = max(1, GRAPH // (inputs[0].numel() * target.facts.num_classes))
    return (slice(start, start + size) for start in range(0, len(inputs), size))


@dataclass(frozen=True, slots=True)
class _Sizes:
    """Of a gradient at one place, for each image (M,): its norm, the norm of its signs, and whether it is dead."""

    norm: Tensor
    signs: Tensor
    dead: Tensor

    @classmethod
    def of(cls, gradient: Tensor) -> _Sizes:
        flat = gradient.flatten(1)
        return cls(flat_norm(flat), flat_norm(flat.sign()), is_zero(flat))

    def mean(self) -> PlaceGradient:
        return PlaceGradient(float(self.norm.mean()), float(self.dead.float().mean()))


@dataclass(frozen=True, slots=True)
class _Place:
    """One place of the network, with the gradient there under each of the three temperatures."""

    name: str
    gradients: tuple[_Sizes, ...]

    def row(self) -> PlaceRow:
        return PlaceRow(self.name, *(sizes.mean() for sizes in self.gradients))


def _passages(target: Target, inputs: Tensor, labels: Tensor, betas: Sequence[Tensor]) -> list[_Place]:
    """The places from the logits to the input, with the gradients of M images in the ordinary arithmetic."""
    steps: list[tuple[str, StepTaken]] = []
    path: list[str] = []

    def note(step: StepTaken) -> None:
        # Weights take steps as well; only what depends on the image is on the signal's way.
        if step.z.requires_grad and step.z.dim() and len(step.z) == len(inputs):
            steps.append((path[-1] if path else "", step))

    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad(), followed(target.network, path), watching(note):
        logits = target.network(leaf)
    steps.reverse()
    tensors = [*(step.z for _, step in steps), leaf]
    signals = [cross_entropy_signal(logits.detach(), labels, chosen) for chosen in betas]
    gradients = [[_Sizes.of(each) for each in (signal, *gradients_at(logits, tensors, signal))] for signal in signals]
    names = ["logits", *_names(target, [name for name, _ in steps]), "input"]
    return [_Place(name, tuple(rule[index] for rule in gradients)) for index, name in enumerate(names)]


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


def _joined(parts: Sequence[Sequence[_Place]]) -> list[_Place]:
    """The places of several chunks of images as one."""
    return [
        _Place(
            chunks[0].name,
            tuple(
                _Sizes(*(torch.cat([getattr(sizes, field) for sizes in rule]) for field in ("norm", "signs", "dead")))
                for rule in zip(*(chunk.gradients for chunk in chunks), strict=True)
            ),
        )
        for chunks in zip(*parts, strict=True)
    ]


def _signal_row(
    logits: Tensor, labels: Tensor, betas: Tensor, moments: tuple[Tensor, Tensor], gradients: _Sizes
) -> SignalRow:
    mean, square = (float((moment * betas**power).mean()) for power, moment in enumerate(moments, start=1))
    signal = cross_entropy_signal(logits, labels, betas)
    return SignalRow(
        jsv_mean=mean,
        jsv_std=max(0.0, square - mean**2) ** 0.5,
        psi_norm=float(flat_norm(signal / betas[:, None]).mean()),
        gradient_norm=float(gradients.norm.mean()),
        sign_norm=float(gradients.signs.mean()),
        zero_gradient_fraction=float(gradients.dead.float().mean()),
        beta_median=float(betas.median()),
        n=len(logits),
    )
