"""The labels held against the deployed model's answers: agreement by chance, other meanings of the labels, labels at random."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.core.sample_fit import Alternative, LabelFit

SHOWN = 6
"""Classes of another order that a report spells out."""


def measure_labels(logits: Tensor, answers: Tensor, labels: Tensor) -> LabelFit:
    """logits (N, d) of the differentiable copy; answers, labels (N,) classes of the deployed model and of the data."""
    given, true = answers.cpu().numpy(), labels.cpu().numpy()
    classes = logits.shape[1]
    by_chance, spread = chance_agreement(given, true, classes)
    right = given == true
    counts = np.bincount(true, minlength=classes)
    ranked, rank = rank_of_label(logits, answers, labels)
    return LabelFit(
        images=len(true),
        classes=classes,
        right=int(right.sum()),
        by_chance=by_chance,
        deviation=float((right.sum() - by_chance) / spread) if spread else 0.0,
        off_commonest=int(len(true) - counts.max()) if len(true) else 0,
        readings=tuple(readings(given, true, classes)),
        ranked=ranked,
        rank=rank,
        separation=separation(logits, torch.from_numpy(right)),
    )


def chance_agreement(answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> tuple[float, float]:
    """Mean and standard deviation of the number of agreements (N,) when the labels are dealt to the images at random.

    Both keep their frequencies a_j and b_j, as in Cohen's kappa: the mean is sum a_j b_j / n. The number in each class is
    hypergeometric, and those of two classes covary by a_j b_j a_k b_k / (n^2 (n - 1)).
    """
    count = len(labels)
    if count < 2:
        return float(count), 0.0
    pairs = np.bincount(answers, minlength=classes).astype(np.float64), np.bincount(labels, minlength=classes)
    products = pairs[0] * pairs[1]
    own = products * (count - pairs[0]) * (count - pairs[1])
    among = products.sum() ** 2 - np.square(products).sum()
    variance = float((own.sum() + among) / (count**2 * (count - 1)))
    return float(products.sum() / count), max(0.0, variance) ** 0.5


def expected_agreement(answers: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The mean of `chance_agreement`, also for labels (N,) that are no classes."""
    found, counts = np.unique(answers, return_counts=True)
    named, times = np.unique(labels, return_counts=True)
    _, first, second = np.intersect1d(found, named, return_indices=True)
    return float(counts[first] @ times[second] / max(1, len(labels)))


def readings(answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> Iterator[Alternative]:
    """The labels shifted by one either way, and the classes in another order, as the answers suggest."""
    right = answers == labels
    start = "the labels start at 1" if labels.min(initial=1) >= 1 else "each label is one too high"
    yield held_against(right, answers, labels - 1, start, "subtract 1 from the labels")
    extra = "the model's classes start with one more, such as a background, than the labels know"
    yield held_against(right, answers, labels + 1, extra, "add 1 to the labels")
    order, renamed = other_order(answers, labels, classes)
    moved = [f"{old} as {new}" for old, new in enumerate(order.tolist()) if old != new]
    shown = ", ".join(moved[:SHOWN]) + (", ..." if len(moved) > SHOWN else "")
    if moved:
        what = f"the classes are numbered in another order (label {shown})"
        yield held_against(right, answers, renamed, what, "number the labels as the model's training did")


def held_against(
    right: NDArray[np.bool_], answers: NDArray[np.int64], labels: NDArray[np.int64], what: str, remedy: str
) -> Alternative:
    """Other answers or other labels (N,), held against what is right (N,) bool as both are given."""
    under = answers == labels
    gained, lost = int((under & ~right).sum()), int((right & ~under).sum())
    return Alternative(what, remedy, int(under.sum()), gained, lost, expected_agreement(answers, labels))


def other_order(
    answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of classes (d,) that fits best, and each label (N,) renamed by the order that the *other* half suggests.

    No image has a say in how its own label is read, so that chance gains nothing.
    """
    halves = np.arange(len(labels)) % 2 == 0
    renamed = labels.copy()
    for part in (halves, ~halves):
        renamed[part] = fitting_order(answers[~part], labels[~part], classes)[labels[part]]
    return fitting_order(answers, labels, classes), renamed


def fitting_order(answers: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The class (d,) that stands for each label, one for one: the commonest pairs first, else a label stays what it is."""
    pairs, counts = np.unique(np.stack([labels, answers]), axis=1, return_counts=True)
    likely = sorted(zip(-counts, pairs[0] != pairs[1], pairs[0], pairs[1], strict=True))
    order = np.full(classes, -1, dtype=np.int64)
    for _, _, label, answer in likely:
        if order[label] < 0 and answer not in order:
            order[label] = answer
    for label in np.flatnonzero(order < 0):
        order[label] = label if label not in order else next(free for free in range(classes) if free not in order)
    return order


def rank_of_label(logits: Tensor, answers: Tensor, labels: Tensor) -> tuple[int, float]:
    """For wrong answers: how many there are, and the mean share of the other classes that score above the label.

    The class that was answered is left out, and so are images on which the label ties with another class, as where a
    softmax underflowed, or whose label is answered for no image, which has a cause of its own. 0.0 where no image is left.
    """
    scores, given, true = logits.double().cpu(), answers.cpu(), labels.cpu()
    wrong = (given != true) & torch.isin(true, given)
    scores, given, true = scores[wrong], given[wrong], true[wrong]
    own = scores.gather(1, true[:, None])
    others = torch.ones_like(scores, dtype=torch.bool).scatter(1, torch.stack([given, true], dim=1), False)
    clear = ~((scores == own) & others).any(dim=1)
    if scores.shape[1] < 3 or not bool(clear.any()):
        return 0, 0.0
    above = ((scores > own) & others).sum(dim=1).double() / (scores.shape[1] - 2)
    return int(clear.sum()), float(above[clear].mean())


def separation(logits: Tensor, right: Tensor) -> float:
    """Probability that an image answered right (N,) bool has a wider margin between its top two logits than one answered wrong.

    Ties count half; 1.0 where there are none of either.
    """
    top = logits.double().cpu().topk(2, dim=1).values
    margins = (top[:, 0] - top[:, 1]).numpy()
    chosen = right.numpy()
    good, bad = margins[chosen], np.sort(margins[~chosen])
    if not len(good) or not len(bad):
        return 1.0
    below, upto = np.searchsorted(bad, good, side="left"), np.searchsorted(bad, good, side="right")
    return float((below + upto).mean() / 2 / len(bad))
