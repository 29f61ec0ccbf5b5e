"""Whether the deployed model, the differentiable copy and a session without options agree; no attack is needed."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bnnaudit.core.evidence import Agreement, DefaultAnswers
from bnnaudit.core.facts import OutputKind
from bnnaudit.core.scores import OutputScores, are_probabilities
from bnnaudit.core.target import Target

FLOAT_NOISE = 1e-4
"""Relative difference of scores that rounding explains."""
ALONE = 64
"""Images that are run one by one."""
COMPANY = 7
"""Size of the batches in which images are run with others; odd, so that no batch of the sample's own comes back."""
ENOUGH_OF_A_CLASS = 10
"""Images of a class from which on it is strange that none is put into it."""


def measure_agreement(target: Target, images: Tensor, scores: Tensor, batch_size: int, labels: Tensor) -> Agreement:
    """Holds the differentiable copy against the deployed model's `scores` (N, d) on images (N, ...) with labels (N,)."""
    with torch.no_grad():
        logits = torch.cat([target.outputs(part).cpu() for part in torch.split(images, batch_size)])
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
        never_answered=_never_answered(answers, labels.cpu()),
        output=output_scores(scores),
    )


def compare_sessions(scores: Tensor, by_default: Tensor) -> DefaultAnswers:
    """Holds the scores (N, d) of a runtime without options against those of a session that computes what the file says.

    Every other class counts, a tie of the top two scores as well: it is what people would be served.
    """
    gap = (by_default - scores).nan_to_num(0.0, 0.0, 0.0).abs()
    return DefaultAnswers(
        images=len(scores),
        differing=int((by_default.argmax(dim=1) != scores.argmax(dim=1)).sum()),
        largest_difference=float(gap.max()) if gap.numel() else 0.0,
    )


def output_scores(scores: Tensor) -> OutputScores:
    """What the deployed model's scores (N, d) tell apart."""
    finite = scores.nan_to_num(0.0, 0.0, 0.0)
    top = finite.topk(2, dim=1).values
    at_ends = torch.zeros_like(finite, dtype=torch.bool)
    for end in (finite.amax(), finite.amin()) if finite.numel() else ():
        if int((finite == end).sum()) > 1:
            at_ends |= finite == end
    return OutputScores(
        images=len(finite),
        tied=int((top[:, 0] == top[:, 1]).sum()),
        distinct=len(np.unique(finite.numpy())),
        at_ends=int(at_ends.sum()),
        total=finite.numel(),
    )


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
    if output is OutputKind.LOGITS:
        return logits
    return (torch.softmax if output is OutputKind.SOFTMAX else torch.log_softmax)(logits, dim=1)
