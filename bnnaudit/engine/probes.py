"""Measurements that need no attack: do the two copies agree, and how does the signal propagate."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement
from bnnaudit.core.facts import OutputKind
from bnnaudit.core.report import SignalRow, SignalTable
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import best_betas, search_fine
from bnnaudit.numerics.jacobian import class_gradients, singular_values
from bnnaudit.numerics.losses import cross_entropy_signal
from bnnaudit.numerics.norms import flat_norm
from bnnaudit.temperature import fit_temperature

PROBED = 100
"""Images whose Jacobian is taken."""
FLOAT_NOISE = 1e-4
"""Relative difference of scores that rounding explains."""
PROBABILITY_NOISE = 1e-5
"""How far sums of probabilities may be from 1."""
ALONE = 64
"""Images that are run one by one."""
COMPANY = 7
"""Size of the batches in which images are run with others; odd, so that no batch of the sample's own comes back."""
ENOUGH_OF_A_CLASS = 10
"""Images of a class from which on it is strange that none is put into it."""
SMALLEST_NORMAL = torch.finfo(torch.float32).tiny


def measure_agreement(
    target: Target, images: Tensor, scores: Tensor, batch_size: int, labels: Tensor | None = None
) -> Agreement:
    """Holds the differentiable copy against the deployed model's `scores` (N, d) on images (N, ...).

    labels (N,): which classes the sample holds, where that is known.
    """
    with torch.no_grad():
        logits = torch.cat([target.logits(part).cpu() for part in torch.split(images, batch_size)])
    ours = as_output(logits, target.facts.output)
    answers = scores.argmax(dim=1)
    again = target.deployed(images).argmax(dim=1)
    clear = _clear(scores)
    gap = (ours - scores).nan_to_num(0.0, 0.0, 0.0).abs()
    # A logarithm of a probability that underflows is minus infinity, and rightly so.
    bad = scores.isnan() | scores.isposinf()
    if target.facts.output is not OutputKind.LOG_SOFTMAX:
        bad |= scores.isneginf()
    return Agreement(
        images=len(images),
        disagreeing=int(((ours.argmax(dim=1) != answers) & clear).sum()),
        largest_difference=float(gap.max()) if gap.numel() else 0.0,
        nonfinite=int(bad.any(dim=1).sum()),
        unstable=int((again != answers).sum()),
        alone=int(((_alone(target, images[:ALONE]) != answers[:ALONE]) & clear[:ALONE]).sum()),
        company=int(((_in_company(target, images) != answers) & clear).sum()),
        probabilities=are_probabilities(scores),
        never_answered=() if labels is None else _never_answered(answers, labels.cpu()),
    )


def are_probabilities(scores: Tensor) -> bool:
    """Whether every row of (N, d) lies in [0, 1] and adds up to 1, to float noise; False where there is no row."""
    within = bool((scores >= -PROBABILITY_NOISE).all()) and bool((scores <= 1 + PROBABILITY_NOISE).all())
    return len(scores) > 0 and within and bool(((scores.sum(dim=1) - 1).abs() <= PROBABILITY_NOISE).all())


def _clear(scores: Tensor) -> Tensor:
    """(N,) bool: the top two scores are further apart than rounding explains."""
    finite = scores.nan_to_num(0.0, 0.0, 0.0)
    top = finite.topk(2, dim=1).values
    return top[:, 0] - top[:, 1] > FLOAT_NOISE * finite.abs().amax(dim=1)


def _alone(target: Target, images: Tensor) -> Tensor:
    """The deployed model's classes (N,), each image in a batch of its own."""
    classes = [target.deployed(image).argmax(dim=1) for image in torch.split(images, 1)]
    return torch.cat(classes) if classes else torch.zeros(0, dtype=torch.int64)


def _in_company(target: Target, images: Tensor) -> Tensor:
    """The deployed model's classes (N,), the images shuffled into batches of seven."""
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(len(images)))
    parts = torch.split(images[order.to(images.device)], COMPANY)
    classes = torch.empty(len(images), dtype=torch.int64)
    classes[order] = torch.cat([target.deployed(part).argmax(dim=1) for part in parts])
    return classes


def _never_answered(answers: Tensor, labels: Tensor) -> tuple[int, ...]:
    """Classes with enough images in the sample that no image is put into."""
    classes, counts = torch.unique(labels, return_counts=True)
    given = set(answers.tolist())
    pairs = zip(classes.tolist(), counts.tolist(), strict=True)
    return tuple(index for index, count in pairs if count >= ENOUGH_OF_A_CLASS and index not in given)


def as_output(logits: Tensor, output: OutputKind) -> Tensor:
    """Logits as the deployed model presents them."""
    match output:
        case OutputKind.LOGITS:
            return logits
        case OutputKind.SOFTMAX:
            return torch.softmax(logits, dim=1)
        case OutputKind.LOG_SOFTMAX:
            return torch.log_softmax(logits, dim=1)


def measure_signal(target: Target, batch: Batch) -> SignalTable | None:
    """Signal propagation over the first images of `batch`, all classified correctly; None where there is none."""
    probed = batch.select(slice(0, PROBED))
    if len(probed) == 0:
        return None
    chunks = [_jacobian(target, part) for part in _chunks(target, probed)]
    logits = torch.cat([chunk[0] for chunk in chunks])
    jacobians = torch.cat([chunk[1] for chunk in chunks])
    gram = jacobians.double() @ jacobians.double().transpose(1, 2)
    values = singular_values(gram, jacobians.shape[2])
    none = torch.ones(len(probed), device=logits.device)
    njs = fit_temperature(Beta(BetaRule.NJS), target, batch)
    njs_betas = njs.at_step(njs.at_start(target, probed.images, logits, probed.labels)[0], logits, probed.labels)
    hns_betas = best_betas(logits, probed.labels, gram, search_fine)
    rows = (_signal_row(logits, jacobians, values, probed.labels, betas) for betas in (none, njs_betas, hns_betas))
    return SignalTable(*rows)


def _chunks(target: Target, batch: Batch) -> list[Batch]:
    size = max(1, 2**26 // (batch.images[0].numel() * target.facts.num_classes))
    return [batch.select(slice(start, start + size)) for start in range(0, len(batch), size)]


def _jacobian(target: Target, batch: Batch) -> tuple[Tensor, Tensor]:
    """Logits (M, d) and J (M, d, features) in the network's own input space."""
    inputs = target.prepare(batch.images).detach().requires_grad_()
    logits = target.network(inputs)
    return logits.detach(), class_gradients(logits, inputs).flatten(2).transpose(0, 1)


def _signal_row(logits: Tensor, jacobians: Tensor, values: Tensor, labels: Tensor, betas: Tensor) -> SignalRow:
    signal = cross_entropy_signal(logits, labels, betas)
    gradients = (signal[:, None, :] @ jacobians).squeeze(1)
    scaled = values * betas[:, None]
    dead = gradients.abs().amax(dim=1) < SMALLEST_NORMAL
    return SignalRow(
        jsv_mean=float(scaled.mean()),
        jsv_std=float(scaled.std(unbiased=False)),
        psi_norm=float(flat_norm(signal / betas[:, None]).mean()),
        gradient_norm=float(flat_norm(gradients).mean()),
        sign_norm=float(flat_norm(gradients.sign()).mean()),
        zero_gradient_fraction=float(dead.float().mean()),
        beta_median=float(betas.median()),
        n=len(logits),
    )
