"""When an audit has seen enough images: attacking the rest of the sample could change neither verdict nor gate any more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bnnaudit.auditing.thresholds import difference
from bnnaudit.auditing.verdict import NOT_ROBUST
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Family, Finding, Severity
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.policy import FailOn, Limits
from bnnaudit.core.report import Status
from bnnaudit.numerics.intervals import paired_difference_interval
from bnnaudit.numerics.sequential import confidence_sequence
from bnnaudit.rules.comparison import MATERIAL, SERIOUS

FIRST_BLOCK = 50
"""Images of the first block: of a claim of 60 % the loss of 26 points is decided on them (24 are not); a network that loses
nothing at all needs 150."""
GROWTH = 2
"""Least ratio of the images taken after a block to those taken before it. Not tuned."""
LEVEL = 0.05
"""Chance, over a whole audit and however many blocks it takes, that a share lies outside of its interval at any of them."""
EACH = LEVEL / 3
"""The same for each of the three shares that a status follows from: those lost, claimed and verified. A threshold of the clean or
verified accuracy of all images is held against a fourth and a fifth share at this level, so that an audit with thresholds ends
wrongly with a chance of at most 8 %."""
NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Tally:
    """Of n images: how many are right without attack, claimed by ordinary attacks, verified, and claimed but not verified.

    declared: the accuracy under attack that a card states, if it does.
    """

    n: int
    clean: int
    claimed: int
    verified: int
    lost: int
    declared: float | None = None

    def grown(self, n: int) -> Tally:
        """What n images would show if they went on as these did."""
        clean, claimed, verified, lost = (
            round(count * n / self.n) for count in (self.clean, self.claimed, self.verified, self.lost)
        )
        return Tally(n, clean, claimed, verified, lost, self.declared)

    def compared(self, limits: Limits) -> Iterator[tuple[int, float]]:
        """Each number of images whose share is asked to be at least something, with that: the declared figure is one."""
        if self.declared is not None:
            yield self.verified, self.declared
        if limits.min_clean is not None:
            yield self.clean, limits.min_clean
        if limits.min_verified is not None:
            yield self.verified, limits.min_verified
        if limits.max_gap is not None and self.declared is not None:
            yield self.verified, difference(self.declared, limits.max_gap)
        elif limits.max_gap is not None:
            yield self.n - self.lost, difference(1, limits.max_gap)


def needs_whole_sample(plan: AuditPlan) -> bool:
    """Whether the audit attacks all images in any case: the user asks for it, or warnings and notes fail.

    What decides the verdict early decides errors alone. A symptom that fifty images do not show may come with three hundred, so
    that a gate that counts it would pass the sooner the fewer images it takes.
    """
    return plan.all_images or plan.policy.fail_on in (FailOn.WARNING, FailOn.NOTE)


def tally_of(evidence: Evidence) -> Tally | None:
    """The counts that the verdict rests on; None where the claim or the verification is missing."""
    claimed, verified = evidence.claimed, evidence.verified
    if verified is None or claimed is None or evidence.samples == 0:
        return None
    clean, kept, left = int(evidence.clean.sum()), int(claimed.sum()), int(verified.sum())
    declared = evidence.plan.declared.adversarial_accuracy
    return Tally(evidence.samples, clean, kept, left, int((claimed & ~verified).sum()), declared)


def is_decided(status: Status, findings: tuple[Finding, ...], tally: Tally | None, limits: Limits = NO_LIMITS) -> bool:
    """Whether more images would leave a verdict and the gate's thresholds as they are.

    True where every value of the shares inside their confidence sequences gives this very status, and the same answer to each
    threshold. A model in doubt is in doubt by findings about the whole sample, which more attacks do not touch.
    """
    if any(finding.rule.family is Family.MODEL and finding.severity is Severity.ERROR for finding in findings):
        return True
    return tally is not None and status is _possible(tally, limits)


def next_total(tally: Tally | None, taken: int, available: int, limits: Limits = NO_LIMITS) -> int:
    """How many images to have attacked after the next block, of the `available` ones.

    As few as will decide verdict and thresholds if they go on as those so far, but no fewer than `GROWTH` times as many; all,
    where none of these numbers will.
    """
    if taken == 0:
        return min(FIRST_BLOCK, available)
    least = GROWTH * taken
    if tally is None or least >= available:
        return available
    totals = range(least, available, FIRST_BLOCK)
    grown = (total for total in totals if _possible(tally.grown(total), limits) is not None)
    return next(grown, available)


def _possible(tally: Tally, limits: Limits) -> Status | None:
    """The status where it is the same all over the confidence region, and each threshold's answer is; None where not."""
    if any(_is_open(count, tally.n, threshold) for count, threshold in tally.compared(limits)):
        return None
    if tally.declared is None and limits.max_gap is not None and _is_gap_open(tally, limits.max_gap):
        return None
    is_fake = _is_fake(tally)
    if is_fake is not False:
        return Status.FAKE if is_fake else None
    if tally.declared is not None and tally.verified < tally.declared * tally.n:
        return Status.CLAIM_NOT_MET
    low, high = confidence_sequence(tally.verified, tally.clean, EACH)
    if high < NOT_ROBUST:
        return Status.NOT_ROBUST
    return Status.AS_CLAIMED if low >= NOT_ROBUST else None


def _is_open(count: int, total: int, threshold: float) -> bool:
    """Whether a share could still end on either side of a threshold."""
    low, high = confidence_sequence(count, total, EACH)
    return low < threshold <= high


def _is_gap_open(tally: Tally, most: float) -> bool:
    """Whether the gate, which takes the gap's paired interval, would be undecided: near 0 that reaches beyond the sequence."""
    low, high = paired_difference_interval(0, tally.lost, tally.n)
    return max(0.0, low) <= most < high


def _is_fake(tally: Tally) -> bool | None:
    """Whether a serious part of the claim of ordinary attacks is lost; None where the region holds both."""
    lost = confidence_sequence(tally.lost, tally.n, EACH)
    claimed = confidence_sequence(tally.claimed, tally.n, EACH)
    if lost[0] >= max(MATERIAL, SERIOUS * claimed[1]):
        return True
    return False if lost[1] < max(MATERIAL, SERIOUS * claimed[0]) else None
