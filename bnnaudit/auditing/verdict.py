"""Findings and a policy make the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import (
    Confidence,
    Family,
    Fault,
    Finding,
    Measurement,
    Severity,
    Skip,
    Undecided,
    speaks_of_masking,
)
from bnnaudit.core.plan import Suspicion
from bnnaudit.core.report import Status, Verdict
from bnnaudit.core.trial import Source, Trial
from bnnaudit.numerics.intervals import holm, wilson_interval
from bnnaudit.rules.comparison import SIGNIFICANCE, is_serious, percent
from bnnaudit.rules.model import (
    clean_accuracy_at_chance,
    fed_otherwise_than_trained,
    labels_at_random,
    labels_numbered_otherwise,
)
from bnnaudit.rules.symptoms.attack_too_weak import verification_misses

NOT_ROBUST = 0.10
"""A model is called not robust, whatever it claims, if a smaller share of its correctly classified images is left. Not tuned."""
OF_THE_SAMPLE = (clean_accuracy_at_chance, labels_numbered_otherwise, labels_at_random, fed_otherwise_than_trained)
"""Rules by which another function than the model's own, or other labels than its own, were audited."""


def estimate(count: int, total: int) -> Estimate:
    """A proportion with its 95 % interval."""
    low, high = wilson_interval(count, total)
    return Estimate(count / total if total else 0.0, low, high, total)


def share(right: NDArray[np.bool_]) -> Estimate:
    """The proportion of images (N,) bool that are right."""
    return estimate(int(right.sum()), len(right))


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the checks said. `comparisons`: how many tests the significance of each was corrected for."""

    findings: tuple[Finding, ...]
    skipped: tuple[Skip, ...]
    comparisons: int


def judge_checks(evidence: Evidence, checks: Sequence[Check], unrunnable: Mapping[Trial, str] = {}) -> Judgement:
    """Asks every check that the effort reaches and whose trials all ran; the others are skipped with the reason.

    `unrunnable`: why a trial has no result. Of the findings that rest on a comparison those stay that are significant after
    Holm's correction over all comparisons of the run, whether these found something or not.
    """
    items: list[Finding | Undecided] = []
    skips: list[Skip] = []
    for check in checks:
        why = _why_not_judged(check, evidence, unrunnable)
        if why:
            skips.append(Skip(check.name, why))
            continue
        for item in check.judge(evidence):
            if isinstance(item, Skip):
                skips.append(item)
            else:
                items.append(item)
    findings, comparisons = _significant(items)
    return Judgement(findings, tuple(skips), comparisons)


def _why_not_judged(check: Check, evidence: Evidence, unrunnable: Mapping[Trial, str]) -> str:
    if not evidence.plan.effort.reaches(check.least):
        return f"left out by --effort {evidence.plan.effort}; --effort {check.least} runs it"
    if evidence.plan.threat.empty and check.rule.family is Family.SYMPTOM:
        return "no other image lies within the radius, so attacks have nothing to show"
    missing = [trial for trial in check.trials(evidence.plan) if trial not in evidence.results]
    if not missing:
        return ""
    reasons = [unrunnable[trial] for trial in missing if trial in unrunnable]
    return evidence.why_missing or "; ".join(dict.fromkeys(reasons)) or f"{len(missing)} of its attacks have no result"


def _significant(items: Sequence[Finding | Undecided]) -> tuple[tuple[Finding, ...], int]:
    """The findings that remain, and the number of comparisons."""
    tested = [item.p_value for item in items if item.p_value is not None]
    adjusted = iter(holm(tested))
    standing: list[Finding] = []
    for item in items:
        level = None if item.p_value is None else next(adjusted)
        if not isinstance(item, Finding):
            continue
        if level is None:
            standing.append(item)
        elif level < SIGNIFICANCE:
            corrected = Measurement("p, Holm-corrected over the run", level, "", len(tested))
            standing.append(replace(item, measurements=(*item.measurements, corrected)))
    return tuple(standing), len(tested)


def reach_verdict(evidence: Evidence, findings: Iterable[Finding], faults: Iterable[Fault]) -> Verdict:
    """The end of the chain: what the model is. Whether that is enough is the gate's question."""
    standing = tuple(findings)
    ordinary = None if evidence.claimed is None else share(evidence.claimed)
    declared = evidence.plan.declared.adversarial_accuracy
    broken = [fault.check for fault in faults if fault.required]
    if evidence.verified is None or broken or evidence.why_missing:
        reason = evidence.why_missing or f"the audit did not finish: {', '.join(broken) or 'verification'} is missing"
        return Verdict(Status.INCONCLUSIVE, reason, ordinary, None, declared)
    verified = share(evidence.verified)
    claimed = declared if declared is not None or ordinary is None else ordinary.value
    status, reason = _status(evidence, standing, claimed, verified)
    return Verdict(status, reason, ordinary, verified, declared)


def _is_blind(evidence: Evidence) -> bool:
    """Whether gradients are blocked and no network without the block was to be had."""
    bridged = evidence.plan.cured_trial(Source.BRIDGED)
    return Suspicion.BLOCKED in evidence.plan.suspicions and bridged not in evidence.results


def _status(
    evidence: Evidence, findings: tuple[Finding, ...], claimed: float | None, verified: Estimate
) -> tuple[Status, str]:
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if misread := _misread(errors):
        return Status.INCONCLUSIVE, misread
    if any(finding.rule.family is Family.VERDICT for finding in errors):
        return Status.FAKE, "The robustness seen by ordinary attacks is not there: better attacks break the model."
    if any(finding.rule.family is Family.MODEL for finding in errors):
        return Status.INCONCLUSIVE, "The model itself is in doubt, so no figure about its robustness can be trusted."
    clean = int(evidence.clean.sum())
    if clean == 0:
        return Status.INCONCLUSIVE, "No image of the sample is classified correctly, so there is nothing to attack."
    if claimed is not None and is_serious(claimed, verified.value):
        return Status.INCONCLUSIVE, (
            f"Better attacks take {percent(claimed - verified.value)} more than the claim allows, but {verified.n} "
            "images cannot rule out chance; audit with more --samples."
        )
    if verified.value * verified.n >= NOT_ROBUST * clean and _is_blind(evidence):
        return Status.INCONCLUSIVE, (
            "No gradient reaches the image, and nothing that stops it could be passed straight through (SP205): only "
            "attacks on scores were tried, which prove too little. Audit the network with its gradients."
        )
    if verified.value * verified.n < NOT_ROBUST * clean:
        return Status.NOT_ROBUST, (
            "The model is not robust, and does not pretend to be: ordinary attacks show it as well."
        )
    if evidence.plan.threat.empty:
        return Status.AS_CLAIMED, "No other image lies within the radius: any model is robust there."
    if missed := verification_misses(evidence.probes.binarization):
        return Status.INCONCLUSIVE, (
            f"auto, which verifies, finds only {missed[0]} of {missed[1]} adversarial images planted inside the radius "
            "(GM117): its failure on the other images proves too little."
        )
    return Status.AS_CLAIMED, _as_claimed(findings)


def _misread(errors: Sequence[Finding]) -> str:
    """Why no figure counts, where the sample is not what the model was made for; empty where nothing says so."""
    codes = {rule.RULE.code for rule in OF_THE_SAMPLE}
    found = sorted((each for each in errors if each.rule.code in codes), key=lambda each: each.rule.code)
    if not found:
        return ""
    if all(finding.confidence is Confidence.LOW for finding in found):
        return (
            f"So few images cannot tell the model from one that guesses ({_codes(found)}); audit with more --samples."
        )
    return (
        f"The inputs are prepared wrongly, or the labels do not match the model ({_codes(found)}): no figure of this audit "
        "describes the model in use."
    )


def _as_claimed(findings: Sequence[Finding]) -> str:
    """The reason for a pass, which never says more than the findings beside it."""
    standing = [finding for finding in findings if finding.severity is not Severity.NOTE]
    better = _codes(finding for finding in standing if finding.rule.family is Family.VERDICT)
    masked = _codes(finding for finding in standing if finding.rule.family in (Family.SYMPTOM, Family.CAUSE))
    gain = (
        f"Better attacks took less than a tenth of the claim ({better})."
        if better
        else "No attack tried did materially better than the claim."
    )
    if masked:
        return f"There are findings of masking ({masked}). {gain}"
    if any(speaks_of_masking(finding) for finding in findings):
        return gain
    return f"{gain} No evidence of masking was found."


def _codes(findings: Iterable[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.rule.code for finding in findings))
