"""How far an accuracy fell from one release to the next, and whether that is more than chance or than is allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import attrgetter

from bnnaudit.auditing.thresholds import at_most, more_for_difference, more_for_gap
from bnnaudit.core.comparison import Accuracy, Drop
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Bound, Criterion, CriterionKind, Outcome
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.policy import Decide
from bnnaudit.core.report import Report
from bnnaudit.numerics.intervals import difference_interval, wilson_interval
from bnnaudit.releases.same_images import SameImages
from bnnaudit.rules.comparison import Paired, in_points, percent

LEAST_SHARED = 0.5
"""Share of the smaller sample that must be in both reports for images to be compared one by one; with fewer, all images of both
say more, though as independent samples. Not tuned."""
MARKS = {Accuracy.CLEAN: attrgetter("right"), Accuracy.VERIFIED: attrgetter("verified")}
"""What a row of an image says of each accuracy; None where it was not measured."""


def figures_of(report: Report) -> Mapping[Accuracy, Estimate | None]:
    """The accuracies that are compared."""
    verified = None if report.verdict is None else report.verdict.verified_accuracy
    return {Accuracy.CLEAN: report.clean_accuracy, Accuracy.VERIFIED: verified}


def drops_of(older: Report, newer: Report, images: SameImages) -> tuple[Drop, ...]:
    """A drop for each accuracy that both reports measured."""
    before, after = figures_of(older), figures_of(newer)
    found = (_drop(accuracy, before[accuracy], after[accuracy], images.pairs) for accuracy in Accuracy)
    return tuple(drop for drop in found if drop is not None)


def _drop(
    accuracy: Accuracy, before: Estimate | None, after: Estimate | None, pairs: Sequence[tuple[ImageRow, ImageRow]]
) -> Drop | None:
    if before is None or after is None:
        return None
    mark = MARKS[accuracy]
    marks = [(mark(older), mark(newer)) for older, newer in pairs]
    measured = [(older, newer) for older, newer in marks if older is not None and newer is not None]
    if measured and len(measured) >= LEAST_SHARED * min(before.n, after.n):
        return paired_drop(accuracy, measured)
    low, high = difference_interval((before.value, before.low, before.high), (after.value, after.low, after.high))
    difference = Estimate(before.value - after.value, low, high, min(before.n, after.n))
    return Drop(accuracy, before, after, difference, paired=False)


def paired_drop(accuracy: Accuracy, marks: Sequence[tuple[bool, bool]]) -> Drop:
    """The drop on the same images: what the older and the newer release get right of them."""
    total = len(marks)
    lost = sum(older and not newer for older, newer in marks)
    gained = sum(newer and not older for older, newer in marks)
    pair = Paired(gained, lost, total)
    return Drop(
        accuracy,
        _share(sum(older for older, _ in marks), total),
        _share(sum(newer for _, newer in marks), total),
        Estimate(pair.gain, *pair.interval, total),
        paired=True,
        lost=lost,
        gained=gained,
        p_value=pair.p_value,
    )


def _share(count: int, total: int) -> Estimate:
    return Estimate(count / total, *wilson_interval(count, total), total)


def judged(drop: Drop, max_drop: float | None, decide: Decide, of: str) -> Criterion:
    """Whether the accuracy got significantly worse, or, where a largest drop is asked for, whether it keeps to that.

    Without `max_drop` it fails where the drop's whole interval is above 0, and passes otherwise. With it, `decide` holds as for
    every threshold, and an interval that includes it is undecided. of: whose figure it fell from, such as `the baseline`.
    """
    drop_text = f"{_change(drop)}: "
    if max_drop is None:
        asked = f"a {drop.accuracy} accuracy not significantly below that of {of}"
        worse = drop.drop.low > 0
        reason = "the lower bound is above 0." if worse else "not significantly worse: the lower bound is not above 0."
        outcome = Outcome.FAILED if worse else Outcome.PASSED
        return Criterion(CriterionKind.BASELINE, asked, outcome, drop_text + reason, 0.0, drop.drop, Bound.LOWER)
    asked = f"a {drop.accuracy} accuracy at most {in_points(max_drop)} below that of {of}"
    answer = at_most(drop.drop, max_drop, decide)
    criterion = Criterion(CriterionKind.BASELINE, asked, answer.outcome, "", max_drop, drop.drop, answer.bound)
    if answer.outcome is Outcome.UNDECIDED:
        more = _more(drop, max_drop)
        advice = (
            "no sensible number of images decides it" if more is None else f"about {more} more images would decide it"
        )
        why = f"the interval includes {in_points(max_drop)}; {advice}."
        return replace(criterion, reason=drop_text + why, more_images=more)
    side = "above" if answer.outcome is Outcome.FAILED else "not above"
    return replace(criterion, reason=f"{drop_text}the {answer.bound} is {side} {in_points(max_drop)}.")


def _more(drop: Drop, max_drop: float) -> int | None:
    if drop.paired:
        return more_for_gap(Paired(drop.gained, drop.lost, drop.drop.n), max_drop)
    return more_for_difference(drop.older, drop.newer, max_drop)


def _change(drop: Drop) -> str:
    """`76.7 % → 0.0 %, 76.7 points lower [71.2, 80.9], on the same 300 images`."""
    value, low, high = 100 * drop.drop.value, 100 * drop.drop.low, 100 * drop.drop.high
    if value < 0:
        value, low, high = -value, -high, -low
        side = "higher"
    else:
        side = "lower"
    images = f"the same {drop.drop.n} images" if drop.paired else f"{drop.older.n} and {drop.newer.n} images"
    figures = f"{percent(drop.older.value)} to {percent(drop.newer.value)}"
    return f"{figures} on {images}, {value:.1f} points {side} [{low:.1f}, {high:.1f}]"
