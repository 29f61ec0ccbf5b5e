"""Findings and a policy make the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Family, Fault, Finding, Severity, Skip
from bnnaudit.core.report import Estimate, Status, Verdict
from bnnaudit.diagnostics.comparison import MATERIAL, compare, percent
from bnnaudit.numerics.intervals import wilson_interval

NOT_ROBUST = 0.10
"""Below this share of the correctly classified images left, a model is called not robust, whatever it claims."""


def estimate(count: int, total: int) -> Estimate:
    """A proportion with its 95 % interval."""
    low, high = wilson_interval(count, total)
    return Estimate(count / total if total else 0.0, low, high, total)


def judge_checks(evidence: Evidence, checks: Sequence[Check]) -> tuple[tuple[Finding, ...], tuple[Skip, ...]]:
    """Asks every check whose trials all ran; the others are skipped with the reason."""
    findings: list[Finding] = []
    skips: list[Skip] = []
    for check in checks:
        missing = [trial for trial in check.trials(evidence.plan) if trial not in evidence.results]
        if missing:
            skips.append(Skip(check.name, evidence.why_missing or f"{len(missing)} of its attacks have no result"))
            continue
        for item in check.judge(evidence):
            if isinstance(item, Finding):
                findings.append(item)
            else:
                skips.append(item)
    return tuple(findings), tuple(skips)


def reach_verdict(evidence: Evidence, findings: Iterable[Finding], faults: Iterable[Fault]) -> Verdict:
    """The end of the chain. Error-level findings fail the check; an audit that could not decide does not pass."""
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    claimed, source = _claim(evidence)
    broken = [fault.check for fault in faults if fault.required]
    if evidence.verified is None or broken or evidence.why_missing:
        reason = evidence.why_missing or f"the audit did not finish: {', '.join(broken) or 'verification'} is missing"
        return Verdict(Status.INCONCLUSIVE, False, reason, claimed, None, source)
    verified = estimate(int(evidence.verified.sum()), evidence.samples)
    status, reason = _status(evidence, errors, claimed, verified)
    passed = not errors and status is not Status.INCONCLUSIVE
    return Verdict(status, passed, reason, claimed, verified, source)


def _claim(evidence: Evidence) -> tuple[Estimate | None, str]:
    declared = evidence.plan.declared.adversarial_accuracy
    if declared is not None:
        return Estimate(declared, declared, declared, 0), "declared by the card"
    result = evidence.results.get(evidence.plan.claim)
    if result is None:
        return None, ""
    return estimate(int(result.standing.sum()), evidence.samples), "ordinary PGD"


def _status(
    evidence: Evidence, errors: list[Finding], claimed: Estimate | None, verified: Estimate
) -> tuple[Status, str]:
    if any(finding.rule.family is Family.VERDICT for finding in errors):
        return Status.FAKE, "The robustness seen by ordinary attacks is not there: better attacks break the model."
    if any(finding.rule.family is Family.MODEL for finding in errors):
        return Status.INCONCLUSIVE, "The model itself is in doubt, so no figure about its robustness can be trusted."
    clean = int(evidence.clean.sum())
    if clean == 0:
        return Status.INCONCLUSIVE, "No image of the sample is classified correctly, so there is nothing to attack."
    if claimed is not None and claimed.value - verified.value >= MATERIAL:
        return Status.INCONCLUSIVE, (
            f"Better attacks take {percent(claimed.value - verified.value)} more than the claim allows, but {verified.n} "
            "images cannot show that this is no chance; audit with more --samples."
        )
    if verified.value * verified.n < NOT_ROBUST * clean:
        return Status.NOT_ROBUST, (
            "The model is not robust, and does not pretend to be: ordinary attacks show it as well."
        )
    return Status.AS_CLAIMED, "No attack tried did materially better than the claim. No evidence of masking was found."


def lost_images(evidence: Evidence) -> int:
    """Images that the claim's attack left and a better one broke."""
    result = evidence.results.get(evidence.plan.claim)
    if result is None or evidence.verified is None:
        return 0
    return compare(result.standing, evidence.verified).only_second
