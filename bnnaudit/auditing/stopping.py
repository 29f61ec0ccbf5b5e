"""When an audit has seen enough images: its verdict could not change any more by attacking the rest of the sample."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.auditing.verdict import NOT_ROBUST
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Family, Finding, Severity
from bnnaudit.core.report import Status
from bnnaudit.numerics.sequential import confidence_sequence
from bnnaudit.rules.comparison import MATERIAL, SERIOUS

FIRST_BLOCK = 50
"""Images of the first block: of a claim of 60 % the loss of 26 points is decided on them (24 are not); a network that loses
nothing at all needs 150."""
GROWTH = 2
"""Least ratio of the images taken after a block to those taken before it. Not tuned."""
LEVEL = 0.05
"""Chance, over a whole audit and however many blocks it takes, that a share lies outside of its interval at any of them."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Of n images: how many are right without attack, claimed, verified, and claimed but not verified.

    declared: the claimed accuracy where a card states it; no image is then counted as claimed.
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


def tally_of(evidence: Evidence) -> Tally | None:
    """The counts that the verdict rests on; None where the claim or the verification is missing."""
    declared, claimed, verified = evidence.plan.declared.adversarial_accuracy, evidence.claimed, evidence.verified
    if verified is None or (claimed is None and declared is None) or evidence.samples == 0:
        return None
    clean, left = int(evidence.clean.sum()), int(verified.sum())
    if declared is not None or claimed is None:
        return Tally(evidence.samples, clean, 0, left, 0, declared)
    return Tally(evidence.samples, clean, int(claimed.sum()), left, int((claimed & ~verified).sum()))


def is_decided(status: Status, findings: tuple[Finding, ...], tally: Tally | None) -> bool:
    """Whether more images would leave a verdict as it is.

    True where every value of the shares inside their confidence sequences gives this very status. A model in doubt is in
    doubt by findings about the whole sample, which more attacks do not touch.
    """
    if any(finding.rule.family is Family.MODEL and finding.severity is Severity.ERROR for finding in findings):
        return True
    return tally is not None and status is _possible(tally)


def next_total(tally: Tally | None, taken: int, available: int) -> int:
    """How many images to have attacked after the next block, of the `available` ones.

    As few as will decide the verdict if they go on as those so far, but no fewer than `GROWTH` times as many; all, where
    none of these numbers will.
    """
    if taken == 0:
        return min(FIRST_BLOCK, available)
    least = GROWTH * taken
    if tally is None or least >= available:
        return available
    grown = (total for total in range(least, available, FIRST_BLOCK) if _possible(tally.grown(total)) is not None)
    return next(grown, available)


def _possible(tally: Tally) -> Status | None:
    """The status where it is the same all over the confidence region, None where it is not."""
    is_fake = _is_fake(tally)
    if is_fake is not False:
        return Status.FAKE if is_fake else None
    low, high = confidence_sequence(tally.verified, tally.clean, LEVEL / 3)
    if high < NOT_ROBUST:
        return Status.NOT_ROBUST
    return Status.AS_CLAIMED if low >= NOT_ROBUST else None


def _is_fake(tally: Tally) -> bool | None:
    """Whether a serious part of the claim is lost; None where the region holds both."""
    if tally.declared is not None:
        low, high = confidence_sequence(tally.verified, tally.n, LEVEL / 3)
        lost, claimed = (tally.declared - high, tally.declared - low), (tally.declared, tally.declared)
    else:
        lost = confidence_sequence(tally.lost, tally.n, LEVEL / 3)
        claimed = confidence_sequence(tally.claimed, tally.n, LEVEL / 3)
    if lost[0] >= max(MATERIAL, SERIOUS * claimed[1]):
        return True
    return False if lost[1] < max(MATERIAL, SERIOUS * claimed[0]) else None
