"""The gate's decision: what was asked of a model, and whether the audit's figures answer it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import BaselineState, Confidence, Finding, Severity
from bnnaudit.core.policy import FailOn, IdleWaiver, Policy


class Outcome(StrEnum):
    """Of one criterion, and of all of them together."""

    PASSED = "passed"
    FAILED = "failed"
    UNDECIDED = "undecided"


class Bound(StrEnum):
    """The part of a figure that was compared with its threshold."""

    LOWER = "lower bound"
    UPPER = "upper bound"
    ESTIMATE = "estimate"


class CriterionKind(StrEnum):
    """What a criterion is about."""

    AUDIT = "audit"
    """The audit reached a verdict about the model."""
    FINDINGS = "findings"
    CLAIM = "claim"
    """The accuracy under attack that the model's maker declares."""
    CLEAN = "min-clean"
    VERIFIED = "min-verified"
    GAP = "max-gap"
    REQUIRED = "required-check"
    BASELINE = "baseline"
    """No figure is worse than that of an earlier report, beyond chance."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that the gate was asked, and its answer.

    asked: in words, such as `verified accuracy of at least 30 %`. reason: in words what was found. threshold, measured, bound:
    the comparison, None where there is none. more_images: about how many more images would decide an undecided one, None where
    no number would or the comparison is none of figures.
    """

    kind: CriterionKind
    asked: str
    outcome: Outcome
    reason: str
    threshold: float | None = None
    measured: Estimate | None = None
    bound: Bound | None = None
    more_images: int | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """The decision about a release.

    Failed where any criterion failed, else undecided where any is undecided. idle: waivers for this model that accepted nothing.
    """

    policy: Policy
    criteria: tuple[Criterion, ...]
    idle: tuple[IdleWaiver, ...] = ()

    @property
    def outcome(self) -> Outcome:
        """Of all criteria together."""
        return outcome_of(self.criteria)

    def counts(self, finding: Finding) -> bool:
        """Whether a finding fails the gate.

        It does if it is as severe as the policy says, of a rule that counts, not waived, not the same in the baseline, and
        more than an open question: a finding of low confidence says that too little was seen, not what the model is. None
        does where the criterion on findings is undecided.
        """
        if any(one.kind is CriterionKind.FINDINGS and one.outcome is Outcome.UNDECIDED for one in self.criteria):
            return False
        code, policy = finding.rule.code, self.policy
        selected = not policy.select or code.startswith(policy.select)
        accepted = finding.waiver is not None or finding.baseline is BaselineState.UNCHANGED
        severe = finding.severity in FAILS_ON[policy.fail_on] and finding.confidence is not Confidence.LOW
        return severe and selected and not code.startswith(policy.ignore) and not accepted


def outcome_of(criteria: Iterable[Criterion]) -> Outcome:
    """Failed where any criterion failed, else undecided where any is undecided."""
    outcomes = {criterion.outcome for criterion in criteria}
    if Outcome.FAILED in outcomes:
        return Outcome.FAILED
    return Outcome.UNDECIDED if Outcome.UNDECIDED in outcomes else Outcome.PASSED


FAILS_ON: Mapping[FailOn, tuple[Severity, ...]] = {
    FailOn.ERROR: (Severity.ERROR,),
    FailOn.WARNING: (Severity.ERROR, Severity.WARNING),
    FailOn.NOTE: tuple(Severity),
    FailOn.NEVER: (),
}
"""The severities of findings that fail, by what a policy says."""
