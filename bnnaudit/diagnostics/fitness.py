"""What several rules ask of the sample: does another reading of it fit far better, does chance explain its accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from bnnaudit.core.fit import Alternative, LabelFit
from bnnaudit.diagnostics.comparison import Paired, share

FAR = 0.10
"""Ten points of accuracy. Of 24 ways to feed 100 images, the best one gained at most 8 on networks with 24 to 58 % on CIFAR-10
that were fed rightly, and from 29 up on the same networks fed wrongly."""
SIGNIFICANT = 0.01
"""Of McNemar's p-value, times the alternatives tried."""
DEVIATIONS = 1.96
"""Standard deviations above chance below which nothing is shown: 2.5 %, one-sided."""
ENOUGH_OTHERS = 10
"""Images that are not of the commonest class, from which on a constant answer can be told from a right one."""


def far_better(alternatives: Sequence[Alternative], images: int) -> Alternative | None:
    """The one under which most of `images` images are right, the first of equals, if that is far better than as given."""
    if not alternatives or not images:
        return None
    best = max(alternatives, key=lambda each: each.right)
    pair = Paired(best.lost, best.gained, images)
    return best if pair.gain >= FAR and pair.p_among(len(alternatives)) < SIGNIFICANT else None


def is_at_chance(seen: LabelFit) -> bool:
    """Whether the agreement is one that chance explains."""
    if seen.off_commonest >= ENOUGH_OTHERS:
        return seen.deviation <= DEVIATIONS
    low = share("", seen.right, seen.images).low
    return low is not None and low <= 1 / seen.classes
