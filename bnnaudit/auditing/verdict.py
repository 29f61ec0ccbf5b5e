"""Findings and a policy make the verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.auditing.thresholds import at_least
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import (
    MISREAD,
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
from bnnaudit.core.gate import Outcome
from bnnaudit.core.plan import Suspicion
from bnnaudit.core.policy import Decide
from bnnaudit.core.report import Status, Verdict
from bnnaudit.core.trial import Source, Trial
from bnnaudit.numerics.intervals import holm, wilson_interval
from bnnaudit.rules.comparison import SIGNIFICANCE, is_serious, percent, with_interval
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
    verified = None if evidence.verified is None else share(evidence.verified)
    declared = evidence.plan.declared.adversarial_accuracy
    if unfinished := _unfinished(evidence, faults):
        return Verdict(Status.INCONCLUSIVE, unfinished, ordinary, None, declared)
    assert verified is not None
    if doubt := why_in_doubt(evidence, standing, faults):
        return Verdict(Status.INCONCLUSIVE, doubt, ordinary, verified, declared)
    status, reason = _status(_Figures(evidence, standing, ordinary, verified))
    return Verdict(status, reason, ordinary, verified, declared)


def why_in_doubt(evidence: Evidence, findings: Iterable[Finding], faults: Iterable[Fault]) -> str:
    """Why no status can be given; empty where one can, or where nothing but the declared figure is open.

    What is definite needs none of the proofs that come after it: a model that better attacks break, or of which less is left
    than was declared or than a robust one keeps.
    """
    if unfinished := _unfinished(evidence, faults):
        return unfinished
    assert evidence.verified is not None
    standing = tuple(findings)
    errors = [finding for finding in standing if finding.severity is Severity.ERROR]
    if misread := _misread(errors):
        return misread
    ordinary = None if evidence.claimed is None else share(evidence.claimed)
    figures = _Figures(evidence, standing, ordinary, share(evidence.verified))
    if figures.refuted_by_attacks:
        return ""
    if any(finding.rule.family is Family.MODEL for finding in errors):
        return "The model itself is in doubt, so no figure about its robustness can be trusted."
    if not evidence.clean.any():
        return "No image of the sample is classified correctly, so there is nothing to attack."
    return "" if figures.claim is Outcome.FAILED else _unproven(figures)


def _unfinished(evidence: Evidence, faults: Iterable[Fault]) -> str:
    broken = [fault.check for fault in faults if fault.required]
    if evidence.why_missing or broken or evidence.verified is None:
        return evidence.why_missing or f"the audit did not finish: {', '.join(broken) or 'verification'} is missing"
    return ""


@dataclass(frozen=True, slots=True)
class _Figures:
    """What a status follows from."""

    evidence: Evidence
    findings: tuple[Finding, ...]
    ordinary: Estimate | None
    verified: Estimate

    @property
    def refuted_by_attacks(self) -> bool:
        """Whether better attacks refute what ordinary ones claim."""
        return any(
            finding.rule.family is Family.VERDICT and speaks_of_masking(finding)
            for finding in self.findings
            if finding.severity is Severity.ERROR
        )

    @property
    def is_not_robust(self) -> bool:
        """Whether hardly any of the images that are classified correctly are left."""
        return self.verified.value * self.verified.n < NOT_ROBUST * int(self.evidence.clean.sum())

    @property
    def claim(self) -> Outcome | None:
        """Whether the declared figure is met, as the policy decides; None where none is declared."""
        declared = self.evidence.plan.declared.adversarial_accuracy
        return None if declared is None else at_least(self.verified, declared, self.evidence.plan.policy.decide).outcome


def _unproven(figures: _Figures) -> str:
    """Why what attacks left standing proves too little; empty where little is left, or nothing could be found."""
    evidence, ordinary, verified = figures.evidence, figures.ordinary, figures.verified
    if ordinary is not None and is_serious(ordinary.value, verified.value):
        return (
            f"Better attacks fool {percent(ordinary.value - verified.value)} of the images beyond ordinary ones, but "
            f"{verified.n} images cannot rule out chance; audit with more --samples."
        )
    if figures.is_not_robust:
        return ""
    if _is_blind(evidence):
        return (
            "No gradient reaches the image, and nothing that stops it could be passed straight through (SP205): only "
            "attacks on scores were tried, which prove too little. Audit the network with its gradients."
        )
    missed = None if evidence.plan.threat.empty else verification_misses(evidence.probes.binarization)
    if missed:
        return (
            f"auto, which verifies, finds only {missed[0]} of {missed[1]} adversarial images planted inside the radius "
            "(GM117): its failure on the other images proves too little."
        )
    return ""


def _is_blind(evidence: Evidence) -> bool:
    """Whether gradients are blocked and no network without the block was to be had."""
    bridged = evidence.plan.cured_trial(Source.BRIDGED)
    return Suspicion.BLOCKED in evidence.plan.suspicions and bridged not in evidence.results


def _status(figures: _Figures) -> tuple[Status, str]:
    """The status of a model that is not in doubt, and why."""
    if figures.refuted_by_attacks:
        beside = "" if figures.claim is not Outcome.PASSED else " The declared figure is met all the same."
        return (
            Status.FAKE,
            f"The robustness seen by ordinary attacks is not there: better attacks break the model.{beside}",
        )
    if figures.claim is Outcome.FAILED:
        return Status.CLAIM_NOT_MET, _not_met(figures)
    if figures.is_not_robust:
        pretence = "" if figures.claim is Outcome.UNDECIDED else ", and does not pretend to be"
        return Status.NOT_ROBUST, f"The model is not robust{pretence}: ordinary attacks show it as well."
    if figures.claim is Outcome.UNDECIDED:
        return Status.INCONCLUSIVE, _open(figures)
    if figures.evidence.plan.threat.empty:
        return Status.AS_CLAIMED, "No other image lies within the radius: any model is robust there."
    declared = figures.evidence.plan.declared.adversarial_accuracy
    met = "" if declared is None else f"No attack tried brings it below the declared accuracy of {percent(declared)}. "
    return Status.AS_CLAIMED, met + _as_claimed(figures.findings)


def _not_met(figures: _Figures) -> str:
    declared, ordinary = figures.evidence.plan.declared.adversarial_accuracy, figures.ordinary
    assert declared is not None
    as_well = ""
    if ordinary is not None:
        shown = f"ordinary attacks leave {percent(ordinary.value)}"
        as_well = f"; {shown}{', so that they show it as well' if ordinary.value < declared else ''}"
    by_estimate = figures.evidence.plan.policy.decide is Decide.ESTIMATE and figures.verified.high >= declared
    hint = " (compared by the estimate, as the policy asks)" if by_estimate else ""
    return (
        f"The declared accuracy of {percent(declared)} is not met: at most {with_interval(figures.verified)} is left"
        f"{hint}{as_well}."
    )


def _open(figures: _Figures) -> str:
    declared = figures.evidence.plan.declared.adversarial_accuracy
    assert declared is not None
    return (
        f"Whether the declared accuracy of {percent(declared)} is met is open: at most {with_interval(figures.verified)} is "
        "left, an interval that includes it."
    )


def _misread(errors: Sequence[Finding]) -> str:
    """Why no figure counts, where the sample is not what the model was made for; empty where nothing says so."""
    found = sorted((each for each in errors if each.rule.code in MISREAD), key=lambda each: each.rule.code)
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
