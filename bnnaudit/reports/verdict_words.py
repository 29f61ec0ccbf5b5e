"""What the model is, what the gate was asked and what it answers, in the words that all texts for people share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import BaselineState, Finding, Severity, speaks_of_masking
from bnnaudit.core.gate import Bound, Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import FailOn, IdleWaiver, Waiver, WaiverProblem
from bnnaudit.core.report import Remedy, Report, Status, Verdict
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.numbers import count, in_points, percent, plural, threat_text, with_interval
from bnnaudit.reports.safe_text import short

STATUSES = {
    Status.FAKE: "fake robustness",
    Status.NOT_ROBUST: "not robust",
    Status.CLAIM_NOT_MET: "claim not met",
    Status.AS_CLAIMED: "robust as claimed",
    Status.INCONCLUSIVE: "inconclusive",
}
ANSWERS = {Outcome.PASSED: "PASS", Outcome.FAILED: "FAIL", Outcome.UNDECIDED: "UNDECIDED"}
EXITS = {
    ExitCode.PASSED: "passed",
    ExitCode.FAILED: "failed",
    ExitCode.BAD_INPUT: "bad input or usage",
    ExitCode.UNFINISHED: "unfinished or undecided",
    ExitCode.BUG: "a bug in bnnaudit",
}
_ROBUST = (CriterionKind.VERIFIED, CriterionKind.GAP, CriterionKind.CLAIM)
"""Criteria on robust accuracy."""
_BOUNDED = {CriterionKind.VERIFIED: "at most ", CriterionKind.CLAIM: "at most ", CriterionKind.GAP: "at least "}
"""What is measured is an upper bound of the robust accuracy, and so a lower bound of the gap."""
_IN_ORDER = (Outcome.FAILED, Outcome.UNDECIDED, Outcome.PASSED)
_SHORTEST_LIST = 24
"""Characters of a list of codes that still fits into the last line of a page of 80 columns. Not tuned."""


def answer(report: Report) -> str:
    """PASS, FAIL or UNDECIDED; the last also where no gate was asked."""
    return ANSWERS[Outcome.UNDECIDED if report.gate is None else report.gate.outcome]


def model_sentence(report: Report, verdict: Verdict) -> str:
    """What the model is: `not robust: at most 2.0 % of the images withstand L-inf 8/255`."""
    name, under = STATUSES[verdict.status], threat_text(report.threat)
    left = f"at most {_share(verdict.verified_accuracy)}"
    match verdict.status:
        case Status.FAKE:
            return f"{name}: {left} withstand {under}, not {percent(_refuted(verdict))}"
        case Status.NOT_ROBUST:
            return f"{name}: {left} of the images withstand {under}"
        case Status.CLAIM_NOT_MET:
            return f"{name}: {left} withstand {under}, {percent(verdict.declared_accuracy)} declared"
        case Status.AS_CLAIMED:
            masking = _codes(each for each in report.findings if speaks_of_masking(each) and is_serious(each))
            return f"{name}: {left} withstand {under}{f', but see {masking}' if masking else ''}"
        case Status.INCONCLUSIVE:
            return f"{name}: {_inside_a_sentence(verdict.reason)}".rstrip(": ")


def is_serious(finding: Finding) -> bool:
    """Whether it speaks against the model: a note does not."""
    return finding.severity is not Severity.NOTE


def further_reason(verdict: Verdict) -> str:
    """Why, where the sentence on what the model is does not say it."""
    return "" if verdict.status is Status.INCONCLUSIVE else verdict.reason


def _inside_a_sentence(words: str) -> str:
    """Without the capital that begins a sentence; a name in capitals keeps them."""
    return words[:1].lower() + words[1:] if words[1:2].islower() or words[1:2].isspace() else words


def _refuted(verdict: Verdict) -> float | None:
    """The figure that better attacks refute: the declared one, unless that is met; then what ordinary attacks leave."""
    declared, ordinary, left = verdict.declared_accuracy, verdict.ordinary_accuracy, verdict.verified_accuracy
    is_met = declared is not None and left is not None and declared <= left.value
    return ordinary.value if is_met and ordinary is not None else verdict.claimed_accuracy


def claimed_words(verdict: Verdict) -> str:
    """The claim and whose it is; a declared figure has no interval, so what ordinary PGD leaves stands beside it."""
    ordinary = verdict.ordinary_accuracy
    if verdict.declared_accuracy is None:
        return f"{with_interval(ordinary)}, left by ordinary PGD" if ordinary else "not measured"
    leaves = f"; ordinary PGD leaves {with_interval(ordinary)}" if ordinary else ""
    return f"{percent(verdict.declared_accuracy)}, declared by the card{leaves}"


def verified_words(verdict: Verdict) -> str:
    """An upper bound of the robust accuracy, and called so."""
    left = verdict.verified_accuracy
    return f"at most {with_interval(left)}, left by all attacks together" if left else "not measured"


def no_masking_words(report: Report) -> str:
    """Never "not masked": a check that finds nothing has not shown that there is nothing, least of all on figures in doubt."""
    nothing = "No evidence of gradient masking was found"
    if report.verdict is not None and report.verdict.status is Status.INCONCLUSIVE:
        return f"{nothing}, but the verdict is inconclusive."
    return f"{nothing} by the checks that could run." if report.skipped or report.faults else f"{nothing}."


def remedy_words(remedy: Remedy) -> str:
    """What cures the attacks: `temperature (b by HNS) alone recovers 171 of 175 images; against SP202`."""
    cure, recovered = remedy.cure, remedy.cure.recovered
    alone = "alone recovers" if len(cure.kinds) == 1 else "together recover"
    images = f"{count(round(recovered.value * recovered.n))} of {count(recovered.n)} images"
    against = f"; against {', '.join(remedy.causes)}" if remedy.causes else ""
    return f"{cure.name} ({cure.setting}) {alone} {images}{against}"


def waiver_words(waiver: Waiver) -> str:
    """`until 2027-01-31 by Jane: known since release 3`, after "waived"."""
    return f"until {waiver.expires.isoformat()} by {short(waiver.owner)}: {waiver.reason}"


def idle_words(idle: IdleWaiver) -> str:
    """`The waiver of SP201 by Jane expired on 2026-01-31: known since release 3`."""
    waiver = idle.waiver
    why = f"expired on {waiver.expires.isoformat()}"
    if idle.problem is WaiverProblem.UNUSED:
        why = "accepts no finding"
    return f"The waiver of {short(waiver.rule)} by {short(waiver.owner)} {why}: {waiver.reason}"


def open_criteria(gate: Gate) -> tuple[Criterion, ...]:
    """Those that keep the model from passing, the failed ones first."""
    order = (Outcome.FAILED, Outcome.UNDECIDED)
    return tuple(criterion for outcome in order for criterion in gate.criteria if criterion.outcome is outcome)


def found_words(criterion: Criterion) -> str:
    """What was found, by which bound it was compared, and how many more images would decide, each said once."""
    words, more = criterion.reason, criterion.more_images
    if criterion.bound is not None and str(criterion.bound) not in words:
        words = f"{words} (by the {criterion.bound})"
    said = more is None or any(number in words for number in (str(more), count(more)))
    return words if said or more is None else f"{words}; about {plural(more, 'more image')} would decide"


def criterion_line(criterion: Criterion, verdict: Verdict | None = None) -> str:
    """In few words: `min-verified 62 %: at most 64.3 % [58.8, 69.5], ~1,400 more images`.

    verdict: one whose reason stands beside it, and is not said again.
    """
    if criterion.kind is CriterionKind.BASELINE and criterion.measured is not None:
        return f"{criterion.asked} → {in_points(criterion.measured, ' below')}"
    if criterion.threshold is None or criterion.measured is None:
        known = verdict is not None and verdict.reason == criterion.reason
        return criterion.asked if known else f"{criterion.asked} → {found_words(criterion)}"
    most = _BOUNDED.get(criterion.kind, "")
    is_gap = criterion.kind is CriterionKind.GAP
    unit, found = ("points", in_points(criterion.measured)) if is_gap else ("%", with_interval(criterion.measured))
    words = f"{criterion.kind} {100 * criterion.threshold:g} {unit}: {most}{found}"
    if criterion.outcome is Outcome.UNDECIDED:
        more = criterion.more_images
        return words if more is None else f"{words}, ~{plural(more, 'more image')}"
    return words if criterion.bound is None else f"{words} by the {criterion.bound}"


def gate_sentence(report: Report) -> str:
    """The gate's answer, the exit code, and what keeps the model from passing; or what was asked, and what was not."""
    gate = report.gate
    if gate is None:
        return "nothing was asked"
    code = exit_code_of(report)
    head = f"{answer(report)}, exit {int(code)}"
    if gate.outcome is not Outcome.PASSED:
        return f"{head}: {_what_is_missing(gate, report.verdict)}"
    excused = [criterion for criterion in gate.criteria if _is_excused(criterion)]
    met = [each.asked for each in gate.criteria if each.kind is not CriterionKind.AUDIT and each not in excused]
    asked = met if len(met) <= 2 else [f"all {len(met)} criteria met"]
    asked += [f"not held against it: {criterion.asked}" for criterion in excused]
    known = _known(report, gate)
    if known:
        asked.append(f"as in the baseline: {_codes(known)}")
    if report.waived:
        asked.append(f"waived: {_codes(report.waived)}")
    if not any(criterion.kind in _ROBUST for criterion in gate.criteria):
        asked.append("no robust accuracy required")
    return f"{head}: {'; '.join(asked)}"


def _is_excused(criterion: Criterion) -> bool:
    """Whether a declared figure that is not shown to be met is passed over, as the policy asks."""
    if criterion.kind is not CriterionKind.CLAIM or criterion.outcome is not Outcome.PASSED:
        return False
    below = criterion.measured is None or criterion.threshold is None or criterion.measured.value < criterion.threshold
    return criterion.bound is not Bound.LOWER and (criterion.bound is not Bound.ESTIMATE or below)


def _what_is_missing(gate: Gate, verdict: Verdict | None) -> str:
    missing = open_criteria(gate)
    if len(missing) == 1:
        return criterion_line(missing[0], verdict)
    failed = sum(criterion.outcome is Outcome.FAILED for criterion in missing)
    undecided, total = len(missing) - failed, len(gate.criteria)
    if not failed:
        return f"{undecided} of {total} criteria undecided"
    return f"{failed} of {total} criteria failed{f', {undecided} undecided' if undecided else ''}"


def _codes(findings: Iterable[Finding]) -> str:
    return ", ".join(dict.fromkeys(finding.rule.code for finding in findings))


def _short_reason(criterion: Criterion) -> str:
    codes = criterion.reason.partition("; ")[0]  # what is accepted follows
    is_short = criterion.kind is CriterionKind.FINDINGS and len(codes) <= _SHORTEST_LIST
    return codes if is_short else _kind(criterion)


def _kind(criterion: Criterion) -> str:
    return "no verdict" if criterion.kind is CriterionKind.AUDIT else str(criterion.kind)


def _passed_by(report: Report, gate: Gate) -> str:
    """Whether it passed on its merits: a model that is not robust may pass, and so may one whose findings are accepted."""
    if report.waived:
        return f"with {_codes(report.waived)} waived"
    known = _known(report, gate)
    if known:
        return f"with {_codes(known)} as in the baseline"
    return "findings never fail" if report.findings and gate.policy.fail_on is FailOn.NEVER else "gate passed"


def _known(report: Report, gate: Gate) -> tuple[Finding, ...]:
    """The findings that would fail the gate if the baseline had not the same."""
    same = [finding for finding in report.findings if finding.baseline is BaselineState.UNCHANGED]
    return tuple(finding for finding in same if gate.counts(replace(finding, baseline=BaselineState.NEW)))


def log_lines(report: Report) -> list[str]:
    """The run in one line for a log, from the fullest wording to the shortest: the gate's answer first, then the model."""
    if report.verdict is None:
        return _measured(report)
    verdict, word = report.verdict, answer(report)
    kinds: list[str] = []
    if report.gate is None:
        why = "no gate"
    elif report.passed:
        why = _passed_by(report, report.gate)
    else:
        missing = open_criteria(report.gate)
        why = ", ".join(dict.fromkeys(_short_reason(criterion) for criterion in missing))
        kinds = [f"{word}  {', '.join(dict.fromkeys(map(_kind, missing)))}; model: {verdict.status}"]
    head, under = f"{word}  {why}; model: {verdict.status}", f" under {threat_text(report.threat)}"
    verified = verdict.verified_accuracy
    if verified is None:
        return [
            f"{head}, robust accuracy not measured{under}",
            f"{head}, not measured",
            head,
            *kinds,
            f"{word}  {verdict.status}",
        ]
    left, full = f"at most {percent(verified.value)}", f"at most {with_interval(verified)}"
    ordinary = verdict.ordinary_accuracy if verdict.declared_accuracy is None else None
    claimed = with_interval(ordinary) if ordinary else percent(verdict.claimed_accuracy)
    return [
        f"{head}, claimed {claimed}, verified {full}{under}",
        f"{head}, claimed {percent(verdict.claimed_accuracy)}, verified {left}{under}",
        f"{head}, {left} verified{under}",
        f"{head}, {left}{under}",
        f"{head}, {left} verified",
        head,
        *kinds,
        f"{word}  model: {verdict.status}",
        word,
    ]


def _measured(report: Report) -> list[str]:
    """What a run without a verdict left: its attack, the strongest of several, or only the clean accuracy."""
    clean = f" (clean {_share(report.clean_accuracy)})"
    row = report.strongest
    if row is None:
        return [f"clean accuracy {with_interval(report.clean_accuracy)}", f"clean {_share(report.clean_accuracy)}"]
    several = f"lowest of {len(report.attacks)}, {attack_name(row.settings)}: " if len(report.attacks) > 1 else ""
    under = f" under {threat_text(row.threat)}"
    full, plain = f"adversarial accuracy {with_interval(row.accuracy)}", f"adversarial accuracy {_share(row.accuracy)}"
    return [several + full + under + clean, full + under + clean, plain + under + clean, plain + under, plain]


def failure_lines(failure: Failure) -> list[str]:
    """An audit that gave no report, in one line for a log: the gate came to no decision, and the exit code says why."""
    code = f"exit code {int(failure.exit_code)}, {EXITS[failure.exit_code]}"
    word = ANSWERS[Outcome.UNDECIDED]
    return [
        f"{word}  {code}: {failure.message}",
        f"{word}  {code}; not audited: {short(failure.model)}",
        f"{word}  {code}",
        f"{word}  exit code {int(failure.exit_code)}",
    ]


def suite_outcome(suite: Suite) -> Outcome | None:
    """Failed if any audit failed, else undecided if any did not pass; None where no gate was asked."""
    outcomes = {_outcome(entry) for entry in suite.entries}
    return next((outcome for outcome in _IN_ORDER if outcome in outcomes), None)


def _outcome(entry: Report | Failure) -> Outcome | None:
    """The gate's; of an audit that gave no report undecided, of a run that judges nothing None."""
    if isinstance(entry, Failure):
        return Outcome.UNDECIDED
    return None if entry.gate is None else entry.gate.outcome


def suite_counts(suite: Suite) -> str:
    """How many audits ended how: `4 audits: 1 not audited, 2 failed, 1 passed`."""
    kinds = Counter(_ending(entry) for entry in suite.entries)
    counts = [f"{kinds[kind]} {kind}" for kind in ("not audited", *_IN_ORDER, "not judged") if kinds[kind]]
    return f"{plural(len(suite.entries), 'audit')}: {', '.join(counts) or 'none'}"


def _ending(entry: Report | Failure) -> str:
    outcome = _outcome(entry)
    return "not audited" if isinstance(entry, Failure) else "not judged" if outcome is None else str(outcome)


def suite_lines(suite: Suite) -> list[str]:
    """Several audits in one line for a log."""
    outcome, counts = suite_outcome(suite), suite_counts(suite)
    word = "" if outcome is None else f"{ANSWERS[outcome]}  "
    code = f"exit code {int(suite.exit_code)}"
    return [f"{word}{counts}; {code} ({exit_reason(suite)})", f"{word}{counts}; {code}", f"{word}{code}"]


def exit_reason(suite: Suite) -> str:
    """Which entries have the suite's exit code: `failed: a.onnx under L-inf 8/255, b.onnx under L2 0.5`."""
    worst = [entry for entry in suite.entries if exit_code_of(entry) is suite.exit_code]
    return f"{EXITS[suite.exit_code]}: {', '.join(map(entry_name, worst)) or 'nothing was audited'}"


def entry_name(entry: Report | Failure) -> str:
    """The model, and under what it was audited."""
    if isinstance(entry, Failure):
        return short(entry.model)
    return f"{short(entry.model.path)} under {threat_text(entry.threat)}"


def _share(estimate: Estimate | None) -> str:
    return "not measured" if estimate is None else percent(estimate.value)
