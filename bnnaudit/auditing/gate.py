"""The gate: what the policy asks, held against the verdict, the findings and the figures of an audit.

Every criterion that is asked has its own answer. What a reader may not expect:

* `fail_on = "never"` lets no finding fail, a declared figure that is not met among them, because that is rule FR303. Thresholds
  and required checks are asked for by name and count all the same. An audit without a result is undecided in any case, since
  there is then nothing to let pass.
* A waiver accepts a finding; it cannot make a figure trustworthy. Where findings about the model itself leave the audit without
  a verdict, the gate stays undecided whether they are waived, ignored or not.
* Where the sample is not what the model was made for (wrong labels, wrong range), nothing that was found on it is held against
  the model: the audit is undecided, and says what to mend.
* A waiver of FR303 accepts the claim as it stands, refuted or undecided.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from bnnaudit.auditing.thresholds import (
    Answer,
    at_least,
    at_most,
    difference,
    gap_of,
    gap_to_declared,
    more_for_gap,
    more_for_share,
)
from bnnaudit.auditing.waivers import Waivers
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import DECLARED_NOT_MET, BaselineState, Confidence, Fault, Finding, Skip, is_misread
from bnnaudit.core.gate import FAILS_ON, Bound, Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Decide, FailOn, IdleWaiver, Policy
from bnnaudit.core.report import Verdict
from bnnaudit.rules.comparison import Paired, floor_percent, in_percent, in_points, points_with_interval, with_interval
from bnnaudit.rules.policy_names import check_named, is_counted
from bnnaudit.rules.table import CHECKS

LEVELS: dict[FailOn, str] = {
    FailOn.ERROR: "error-level finding",
    FailOn.WARNING: "finding of level warning or error",
    FailOn.NOTE: "finding of any level",
}
NOT_MEASURED = "it was not measured"
UNLABELLED = (
    "it was not measured: the data have no labels, and the model's own answers, which stand in for them, are all right"
)


@dataclass(frozen=True, slots=True)
class Audited:
    """What the gate decides about.

    doubt: why there is no verdict, empty where there is one or where only the declared figure is open. findings: with their
    waivers. clean: accuracy without attack, on the images that were attacked; None where they have no labels. lost: images that
    ordinary attacks leave and better ones fool, None where one of the two was not measured. waivers: those that name the model.
    """

    verdict: Verdict
    doubt: str
    findings: tuple[Finding, ...]
    skipped: tuple[Skip, ...] = ()
    faults: tuple[Fault, ...] = ()
    clean: Estimate | None = None
    lost: Paired | None = None
    waivers: Waivers = field(default_factory=Waivers)

    def why_not_run(self, check: str) -> str:
        """Why a check has no outcome; empty where it ran."""
        for skip in self.skipped:
            if skip.check == check:
                return skip.why
        for fault in self.faults:
            if fault.check == check:
                return fault.error
        return ""


def decide(policy: Policy, audited: Audited) -> Gate:
    """Every criterion's answer, and the waivers that accepted nothing."""
    claim = _claim(policy, audited)
    held = () if claim is None else (_unless_accepted(claim, policy, audited),)
    figures = (*held, *_figures(policy, audited))
    criteria = (
        _audit(audited),
        findings_criterion(policy, audited.findings, bool(figures)),
        *figures,
        *(_required(name, audited) for name in policy.require),
    )
    return Gate(policy, criteria, _idle(audited, claim))


def _audit(audited: Audited) -> Criterion:
    asked = "an audit that finished, with figures that can be trusted"
    outcome = Outcome.UNDECIDED if audited.doubt else Outcome.PASSED
    return Criterion(CriterionKind.AUDIT, asked, outcome, audited.doubt or "it did, and they can")


def findings_criterion(policy: Policy, findings: Sequence[Finding], about_figures: bool) -> Criterion:
    """Whether any finding fails the gate: of that level, of a rule that counts, not waived, and not the same in the baseline.

    about_figures: whether anything else is asked about robust accuracy, as the answer says where it is not.
    """
    at_level = [finding for finding in findings if finding.severity in FAILS_ON[policy.fail_on]]
    counted = [finding for finding in at_level if is_counted(finding.rule.code, policy) and _is_certain(finding)]
    failing = [finding for finding in counted if finding.waiver is None and not _is_known(finding)]
    accepted = _accepted(counted)
    kind, nothing = CriterionKind.FINDINGS, "" if about_figures else "; nothing was asked about robust accuracy"
    if policy.fail_on is FailOn.NEVER:
        found = f"found and passed over: {_codes(findings)}" if findings else "there is none"
        return Criterion(kind, 'nothing of findings (fail_on = "never")', Outcome.PASSED, f"{found}{nothing}")
    level = LEVELS[policy.fail_on]
    fresh = "new or worse " if any(finding.baseline is not None for finding in findings) else ""
    asked = f"no {fresh}{level}{_of_which(policy)}"
    if failing and is_misread(findings):
        why = "not held against a model that the sample does not fit"
        return Criterion(kind, asked, Outcome.UNDECIDED, f"{_codes(failing)}: {why}")
    if failing:
        return Criterion(kind, asked, Outcome.FAILED, f"{_codes(failing)}{accepted}")
    left_out = [finding for finding in at_level if finding not in counted]
    passed_over = f"; not counted: {_codes(left_out)}" if left_out else ""
    found = "none that counts" if at_level else "there is none"
    return Criterion(kind, asked, Outcome.PASSED, f"{found}{accepted}{passed_over}{nothing}")


def _is_certain(finding: Finding) -> bool:
    """Whether it says what the model is, and not that too little was seen: the audit is then undecided."""
    return finding.confidence is not Confidence.LOW


def _of_which(policy: Policy) -> str:
    selected = f" of {', '.join(policy.select)}" if policy.select else ""
    return selected + (f" except {', '.join(policy.ignore)}" if policy.ignore else "")


def _accepted(findings: Sequence[Finding]) -> str:
    waived = {each.rule.code: each.waiver for each in findings if each.waiver is not None}
    texts = [f"{code} until {waiver.expires.isoformat()}" for code, waiver in waived.items()]
    known = [each for each in findings if each.waiver is None and _is_known(each)]
    in_baseline = f"; in the baseline as well: {_codes(known)}" if known else ""
    return (f"; accepted by waivers: {', '.join(texts)}" if texts else "") + in_baseline


def _is_known(finding: Finding) -> bool:
    return finding.baseline is BaselineState.UNCHANGED


def _codes(findings: Sequence[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.rule.code for finding in findings))


def _claim(policy: Policy, audited: Audited) -> Criterion | None:
    """The declared accuracy under attack, where there is one: against the interval of the verified one."""
    declared, verified = audited.verdict.declared_accuracy, audited.verdict.verified_accuracy
    if declared is None:
        return None
    asked = f"the declared accuracy under attack of {in_percent(declared)}"
    kind = CriterionKind.CLAIM
    if verified is None:
        return Criterion(kind, asked, Outcome.UNDECIDED, NOT_MEASURED, declared)
    answer = at_least(verified, declared, policy.decide)
    criterion = _compared(
        Criterion(kind, asked, answer.outcome, "", declared, verified), answer, policy.decide, "at most "
    )
    if answer.outcome is Outcome.UNDECIDED:
        more, reason = more_for_share(verified, declared), f"{criterion.reason} {ways_out(verified, declared)}"
        return replace(criterion, more_images=more, reason=reason)
    return criterion


def _unless_accepted(criterion: Criterion, policy: Policy, audited: Audited) -> Criterion:
    """The claim's criterion as it is, or passed where rule FR303, which is about it, does not count or is waived."""
    waiver = audited.waivers.accepting(DECLARED_NOT_MET)
    if criterion.outcome is Outcome.PASSED:
        return criterion
    if policy.fail_on is FailOn.NEVER:
        why = 'fail_on = "never"'
    elif not is_counted(DECLARED_NOT_MET, policy):
        why = f"the policy does not count {DECLARED_NOT_MET}"
    elif waiver is not None:
        why = f"{DECLARED_NOT_MET} is waived until {waiver.expires.isoformat()}"
    else:
        return criterion
    return replace(criterion, outcome=Outcome.PASSED, reason=f"Not held against the model ({why}): {criterion.reason}")


def ways_out(verified: Estimate, declared: float) -> str:
    """What decides a declared figure that lies in the verified accuracy's interval."""
    return f"{_more_text(more_for_share(verified, declared), verified, declared)} {other_ways(verified)}"


def other_ways(verified: Estimate) -> str:
    """What decides it without more images."""
    return f'Or declare {floor_percent(verified.low)} or less, or set decide = "estimate" in the policy.'


def _more_text(more: int | None, figure: Estimate, threshold: float) -> str:
    if more is not None:
        return f"About {more} more images (--samples {figure.n + more}) would decide it, if the share stays as it is."
    if figure.n == 0:
        return "There was no image to measure it on."
    if difference(figure.value, threshold) == 0:
        return "The estimate equals it, so that no number of images decides it."
    return "The estimate is so close to it that no sensible number of images decides it."


def _figures(policy: Policy, audited: Audited) -> Iterator[Criterion]:
    """The thresholds that the policy sets."""
    limits, verdict = policy.limits, audited.verdict
    if limits.min_clean is not None:
        asked = f"a clean accuracy of at least {in_percent(limits.min_clean)}"
        yield _least(CriterionKind.CLEAN, asked, audited.clean, limits.min_clean, policy.decide, UNLABELLED)
    if limits.min_verified is not None:
        asked = f"a verified accuracy of at least {in_percent(limits.min_verified)}"
        yield _least(CriterionKind.VERIFIED, asked, verdict.verified_accuracy, limits.min_verified, policy.decide)
    if limits.max_gap is not None:
        yield _gap(limits.max_gap, audited, policy.decide)


def _least(
    kind: CriterionKind,
    asked: str,
    figure: Estimate | None,
    threshold: float,
    decided: Decide,
    missing: str = NOT_MEASURED,
) -> Criterion:
    if figure is None:
        return Criterion(kind, asked, Outcome.UNDECIDED, missing, threshold)
    answer = at_least(figure, threshold, decided)
    most = "at most " if kind is CriterionKind.VERIFIED else ""
    criterion = _compared(Criterion(kind, asked, answer.outcome, "", threshold, figure), answer, decided, most)
    return _with_more(criterion, more_for_share(figure, threshold))


def _gap(most: float, audited: Audited, decided: Decide) -> Criterion:
    """Claimed less verified: against the declared number where there is one, else paired image by image with ordinary PGD."""
    verdict, lost = audited.verdict, audited.lost
    declared, verified = verdict.declared_accuracy, verdict.verified_accuracy
    claim = "what ordinary attacks leave" if declared is None else "the declared one"
    asked = f"a verified accuracy at most {in_points(most)} below {claim}"
    kind, more = CriterionKind.GAP, None
    if verified is not None and declared is not None:
        gap = gap_to_declared(declared, verified)
        more = more_for_share(verified, difference(declared, most))
    elif lost is not None:
        gap, more = gap_of(lost), more_for_gap(lost, most)
    else:
        return Criterion(kind, asked, Outcome.UNDECIDED, NOT_MEASURED, most)
    answer = at_most(gap, most, decided)
    criterion = _compared(Criterion(kind, asked, answer.outcome, "", most, gap), answer, decided, "at least ")
    return _with_more(criterion, more)


def _with_more(criterion: Criterion, more: int | None) -> Criterion:
    """An undecided comparison with the images that would decide it, and how else it can be."""
    figure = criterion.measured
    if criterion.outcome is not Outcome.UNDECIDED or figure is None or criterion.threshold is None:
        return criterion
    text = _more_text(more, figure, criterion.threshold)
    reason = f'{criterion.reason} {text} Or set decide = "estimate" in the policy.'
    return replace(criterion, more_images=more, reason=reason)


def _compared(criterion: Criterion, answer: Answer, decided: Decide, most: str) -> Criterion:
    """The criterion with its reason: the figure with its interval, and the bound that was compared."""
    figure, threshold = criterion.measured, criterion.threshold
    assert figure is not None
    assert threshold is not None
    is_gap = criterion.kind is CriterionKind.GAP
    against = in_points(threshold) if is_gap else in_percent(threshold)
    found = points_with_interval(figure) if is_gap else with_interval(figure)
    if answer.bound is None:
        how = f"the interval includes {against}" if figure.n else "no image"
    elif answer.bound is Bound.ESTIMATE:
        how = "compared by the estimate, as the policy asks"
    else:
        side = "is at most" if answer.bound is Bound.UPPER else "is at least"
        if answer.outcome is Outcome.FAILED:
            side = "is below" if answer.bound is Bound.UPPER else "is above"
        how = f"the {answer.bound} {side} {against}"
    return replace(criterion, bound=answer.bound, reason=f"{most}{found}: {how}.")


def _required(name: str, audited: Audited) -> Criterion:
    """Passed where the check ran, whatever it found, which is the business of the findings."""
    check = check_named(name)
    why = f"there is no check {name}" if check is None else audited.why_not_run(check.name)
    label = name if check is None else f"{check.name} ({check.rule.code})"
    outcome = Outcome.UNDECIDED if why else Outcome.PASSED
    return Criterion(CriterionKind.REQUIRED, f"the check {label}", outcome, why or "it ran")


def _idle(audited: Audited, claim: Criterion | None) -> tuple[IdleWaiver, ...]:
    needed = {finding.rule.code for finding in audited.findings}
    if claim is not None and claim.outcome is not Outcome.PASSED:
        needed.add(DECLARED_NOT_MET)
    return audited.waivers.idle(needed, {c.rule.code for c in CHECKS if audited.why_not_run(c.name)})
