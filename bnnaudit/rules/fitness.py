"""What several rules ask of the sample: does another reading of it fit far better, does chance explain its accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from bnnaudit.core.fit import Alternative, LabelFit, SampleFit
from bnnaudit.rules.comparison import Paired, share

FAR = 0.10
"""Ten points of accuracy. Of 24 ways to feed 100 images, the best one gained at most 8 on networks with 24 to 58 % on CIFAR-10
that were fed rightly, and from 29 up on the same networks fed wrongly."""
CLOSE = 0.02
"""Of the images: where two ways to feed them differ by less, which of the two was meant cannot be told. Not tuned."""
SIGNIFICANT = 0.01
"""Of McNemar's p-value, times the alternatives tried."""
DEVIATIONS = 1.96
"""Standard deviations above chance below which nothing is shown: 2.5 %, one-sided."""
ENOUGH_OTHERS = 10
"""Images that are not of the commonest class, from which on a constant answer can be told from a right one."""


def far_better(alternatives: Sequence[Alternative], images: int) -> Alternative | None:
    """The one under which most of `images` images are right, if that is far better than as given.

    Of several that are about equally good it is the first, which is the plainest. Ways under which chance explains the
    answers are none: on images of one class any that makes the model answer nothing else is right.
    """
    telling = [each for each in alternatives if each.right - each.by_chance >= FAR * images]
    if not telling or not images:
        return None
    best = max(telling, key=lambda each: each.right)
    pair = Paired(best.lost, best.gained, images)
    if pair.gain < FAR or pair.p_among(len(alternatives)) >= SIGNIFICANT:
        return None
    return about_as_good(best, telling, images)[0]


def about_as_good(best: Alternative, alternatives: Sequence[Alternative], images: int) -> tuple[Alternative, ...]:
    """Those that put as many of the images right as `best`, but for a few; in their order, `best` among them."""
    return tuple(each for each in alternatives if each.right >= best.right - CLOSE * images)


def better_numbering(fit: SampleFit) -> Alternative | None:
    """A far better meaning of the labels, unless another way to feed the images explains more."""
    return _explanations(fit)[0]


def better_feeding(fit: SampleFit) -> Alternative | None:
    """A far better way to feed the images, unless another meaning of the labels explains as much."""
    return _explanations(fit)[1]


def _explanations(fit: SampleFit) -> tuple[Alternative | None, Alternative | None]:
    """Where both are far better than what is given, the one that puts more of its images right."""
    told, fed = fit.labels, fit.feeding
    numbering = None if told is None else far_better(told.readings, told.images)
    feeding = None if fed is None else far_better(fed.alternatives, fed.images)
    if told is None or fed is None or numbering is None or feeding is None:
        return numbering, feeding
    return (numbering, None) if numbering.right / told.images >= feeding.right / fed.images else (None, feeding)


def is_at_chance(seen: LabelFit) -> bool:
    """Whether the agreement is one that chance explains."""
    if seen.off_commonest >= ENOUGH_OTHERS:
        return seen.deviation <= DEVIATIONS
    low = share("", seen.right, seen.images).low
    return low is not None and low <= 1 / seen.classes
