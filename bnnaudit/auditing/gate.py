"""The gate: what the policy asks, held against the verdict, the findings and the figures of an audit."""

from __future__ import annotations

from collections.abc import Sequence

from bnnaudit.core.finding import Finding, Severity
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import FailOn, Policy
from bnnaudit.core.report import Status, Verdict

FAILS_ON: dict[FailOn, tuple[Severity, ...]] = {
    FailOn.ERROR: (Severity.ERROR,),
    FailOn.WARNING: (Severity.ERROR, Severity.WARNING),
    FailOn.NOTE: tuple(Severity),
    FailOn.NEVER: (),
}


def decide(policy: Policy, verdict: Verdict, findings: Sequence[Finding]) -> Gate:
    """Every criterion's answer."""
    return Gate(policy, (_audit(verdict), _findings(policy, findings)))


def _audit(verdict: Verdict) -> Criterion:
    outcome = Outcome.UNDECIDED if verdict.status is Status.INCONCLUSIVE else Outcome.PASSED
    return Criterion(CriterionKind.AUDIT, "a verdict about the model", outcome, verdict.reason)


def _findings(policy: Policy, findings: Sequence[Finding]) -> Criterion:
    counted = [finding for finding in findings if finding.severity in FAILS_ON[policy.fail_on]]
    outcome = Outcome.FAILED if counted else Outcome.PASSED
    codes = ", ".join(dict.fromkeys(finding.rule.code for finding in counted))
    return Criterion(CriterionKind.FINDINGS, f"no finding of level {policy.fail_on}", outcome, codes or "none")
