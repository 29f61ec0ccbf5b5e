"""What to do with the model, which follows from its status, its findings and what the gate could not decide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bnnaudit.auditing.gate import other_ways, ways_out
from bnnaudit.core.effort import Effort
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import DECLARED_NOT_MET, Family, Finding, Severity
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.report import Advice, Status, Verdict
from bnnaudit.rules.comparison import floor_percent, percent, with_interval
from bnnaudit.rules.fitness import explanations
from bnnaudit.rules.table import RULES

REFUTING = ("FR302", "FR301")
"""Rules by which better attacks refute ordinary ones: the one that compares everything is advised on first."""
NO_RELEASE = "Do not release"
"""What the first advice on a model that failed says before anything else."""
PROVING_TOO_LITTLE = ("SP205", "GM117")
"""Rules by which what attacks left standing proves too little."""


def advice_of(evidence: Evidence, verdict: Verdict, gate: Gate, findings: tuple[Finding, ...]) -> tuple[Advice, ...]:
    """The most important first: what decides an undecided gate, what the status asks for, then the model's other findings.

    Where the model is in doubt, or the gate failed, the status comes before what would decide the rest; and where it failed, that
    it is not to be released comes before everything.

    Apart from the report's remedy, which cures the attack. A rule's own remedy is used where there is one; of equal texts the
    first is kept, and a waived finding below an error needs no advice.
    """
    deciding, status = tuple(to_decide(gate)), tuple(_for_status(evidence, verdict, gate, findings))
    in_doubt = any(each.kind is CriterionKind.AUDIT and each.outcome is not Outcome.PASSED for each in gate.criteria)
    open_only = gate.outcome is Outcome.UNDECIDED and not in_doubt
    first = (*deciding, *status) if open_only else (*status, *deciding)
    given = [*first, *_for_the_model(findings)]
    if gate.outcome is Outcome.FAILED and given and not given[0].text.startswith(NO_RELEASE):
        given[0] = Advice(f"{NO_RELEASE} it as it is. {given[0].text}", given[0].rules)
    texts: dict[str, Advice] = {}
    for advice in given:
        before = texts.get(advice.text)
        rules = advice.rules if before is None else tuple(dict.fromkeys((*before.rules, *advice.rules)))
        texts[advice.text] = Advice(advice.text, rules)
    return tuple(texts.values())


def to_decide(gate: Gate) -> Iterator[Advice]:
    """What to run for the criteria that are undecided."""
    undecided = [criterion for criterion in gate.criteria if criterion.outcome is Outcome.UNDECIDED]
    totals = [total for criterion in undecided if (total := _total(criterion)) is not None]
    if totals:
        yield Advice(f"To decide what the gate was asked, audit about {max(totals)} images (--samples {max(totals)}).")
    for criterion in undecided:
        if criterion.kind is CriterionKind.REQUIRED:
            yield Advice(f"Run {criterion.asked}, which the policy requires: {criterion.reason}.")


def _total(criterion: Criterion) -> int | None:
    """How many images in all would decide a criterion."""
    if criterion.more_images is None or criterion.measured is None:
        return None
    return criterion.measured.n + criterion.more_images


def _for_status(evidence: Evidence, verdict: Verdict, gate: Gate, findings: tuple[Finding, ...]) -> Iterator[Advice]:
    codes = {finding.rule.code for finding in findings}
    match verdict.status:
        case Status.INCONCLUSIVE:
            yield from _when_inconclusive(evidence, verdict, gate, findings)
        case Status.FAKE:
            code = next((code for code in REFUTING if code in codes), REFUTING[0])
            yield Advice(f"Do not release on {_claimed(verdict)}: state at most {_left(verdict)}.", (code,))
            yield Advice(RULES[code].remedy, (code,))
            if DECLARED_NOT_MET in codes:
                yield _correct_the_card(verdict)
        case Status.CLAIM_NOT_MET:
            yield _correct_the_card(verdict)
        case Status.NOT_ROBUST:
            yield Advice(
                "Claim no robustness under this threat, or train adversarially at this radius and audit again."
            )
        case Status.AS_CLAIMED:
            yield Advice(f"Where robustness is stated, state at most {_left(verdict)} under this threat.")
            thorough = evidence.plan.effort is Effort.THOROUGH
            before = "" if thorough else "with --effort thorough before the figure is published, and "
            yield Advice(f"Audit again {before}with every change of the weights, the export or the runtime.")
        case _:
            assert_never(verdict.status)


def _claimed(verdict: Verdict) -> str:
    ordinary = verdict.ordinary_accuracy
    return (
        "the figure of ordinary attacks"
        if ordinary is None
        else f"the {percent(ordinary.value)} that ordinary attacks leave"
    )


def _left(verdict: Verdict) -> str:
    return "what is verified" if verdict.verified_accuracy is None else with_interval(verdict.verified_accuracy)


def _correct_the_card(verdict: Verdict) -> Advice:
    verified, declared = verdict.verified_accuracy, verdict.declared_accuracy
    if verified is None or declared is None:
        return Advice(RULES[DECLARED_NOT_MET].remedy, (DECLARED_NOT_MET,))
    low = floor_percent(verified.low)
    declare = f"Declare {low} or less" if low != floor_percent(0.0) else "Declare no robustness"
    return Advice(f"{declare}, or improve the model until it meets {percent(declared)}.", (DECLARED_NOT_MET,))


def _when_inconclusive(
    evidence: Evidence, verdict: Verdict, gate: Gate, findings: tuple[Finding, ...]
) -> Iterator[Advice]:
    """What cures the doubt: first the errors about the model, whose figures count for nothing, then what proves too little."""
    if verdict.verified_accuracy is None:
        yield Advice("Run the same audit again to its end: nothing is verified before. Faults, if any, say what broke.")
        return
    doubts = [
        finding for finding in findings if finding.rule.family is Family.MODEL and finding.severity is Severity.ERROR
    ]
    if doubts:
        concrete = _concrete(evidence)
        yield from (Advice(concrete[code], (code,)) for code in concrete if code in {each.rule.code for each in doubts})
        yield from (Advice(each.rule.remedy, (each.rule.code,)) for each in doubts if each.rule.code not in concrete)
        return
    yield from (
        Advice(finding.rule.remedy, (finding.rule.code,))
        for finding in findings
        if finding.rule.code in PROVING_TOO_LITTLE
    )
    declared, verified = verdict.declared_accuracy, verdict.verified_accuracy
    if declared is not None and verified.low < declared <= verified.high:
        more = any(each.kind is CriterionKind.CLAIM and _total(each) is not None for each in gate.criteria)
        text = other_ways(verified) if more and gate.outcome is Outcome.UNDECIDED else ways_out(verified, declared)
        yield Advice(text, (DECLARED_NOT_MET,))
    else:
        yield from _more_images(verdict.ordinary_accuracy, verified)


def _more_images(ordinary: Estimate | None, verified: Estimate) -> Iterator[Advice]:
    """Where better attacks fool more than ordinary ones, but too few images were attacked to show it."""
    if ordinary is not None and ordinary.value > verified.value:
        yield Advice(f"Audit more images than {verified.n} (--samples): so few cannot tell better attacks from chance.")


def _concrete(evidence: Evidence) -> dict[str, str]:
    """For data that are read otherwise than meant: the very correction or option to give, by the rule that found it."""
    fit = evidence.probes.fit
    numbering, feeding = (None, None) if fit is None else explanations(fit)
    found = {"MF413": numbering, "MF414": feeding}
    return {code: _if_so(best.remedy) for code, best in found.items() if best is not None}


def _if_so(remedy: str) -> str:
    return f"{remedy[:1].upper()}{remedy[1:]}, if that is how the model was trained, and audit again."


def _for_the_model(findings: tuple[Finding, ...]) -> Iterator[Advice]:
    """Warnings about the model itself, such as how it is served."""
    for finding in findings:
        if finding.rule.family is Family.MODEL and finding.severity is Severity.WARNING and finding.waiver is None:
            yield Advice(finding.rule.remedy, (finding.rule.code,))
