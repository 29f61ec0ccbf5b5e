"""What the model is, what the gate was asked and what it answers, in the words that all texts for people share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import BaselineState, Finding, Severity, speaks_of_masking
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import FailOn
from bnnaudit.core.report import Remedy, Report, Status, Verdict
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.numbers import count, percent, plural, threat_text, with_interval
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
            return f"{name}: {left} withstand {under}, not {percent(verdict.claimed_accuracy)}"
        case Status.NOT_ROBUST:
            return f"{name}: {left} of the images withstand {under}"
        case Status.CLAIM_NOT_MET:
            return f"{name}: {left} withstand {under}, {percent(verdict.declared_accuracy)} declared"
        case Status.AS_CLAIMED:
            masking = _codes(each for each in report.findings if speaks_of_masking(each) and _is_serious(each))
            return f"{name}: {left} withstand {under}{f', but see {masking}' if masking else ''}"
        case Status.INCONCLUSIVE:
            return f"{name}: {verdict.reason}".rstrip(": ")


def _is_serious(finding: Finding) -> bool:
    return finding.severity is not Severity.NOTE


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
    measured = criterion.measured
    if criterion.kind is CriterionKind.BASELINE and measured is not None:
        low, high = 100 * measured.low, 100 * measured.high
        return f"{criterion.asked} → {100 * measured.value:.1f} points below [{low:.1f}, {high:.1f}]"
    if criterion.threshold is None or criterion.measured is None:
        known = verdict is not None and verdict.reason == criterion.reason
        return criterion.asked if known else f"{criterion.asked} → {found_words(criterion)}"
    most = _BOUNDED.get(criterion.kind, "")
    words = f"{criterion.kind} {100 * criterion.threshold:g} %: {most}{with_interval(criterion.measured)}"
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
    asked = [criterion.asked for criterion in gate.criteria if criterion.kind is not CriterionKind.AUDIT]
    if len(asked) > 2:
        asked = [f"all {len(asked)} criteria met"]
    known = _known(report, gate)
    if known:
        asked.append(f"as in the baseline: {_codes(known)}")
    if report.waived:
        asked.append(f"waived: {_codes(report.waived)}")
    if not any(criterion.kind in _ROBUST for criterion in gate.criteria):
        asked.append("no robust accuracy required")
    return f"{head}: {'; '.join(asked)}"


def _what_is_missing(gate: Gate, verdict: Verdict | None) -> str:
    missing = open_criteria(gate)
    if len(missing) == 1:
        return criterion_line(missing[0], verdict)
    failed = sum(criterion.outcome is Outcome.FAILED for criterion in missing)
    counts = [
        f"{failed} failed" if failed else "",
        f"{len(missing) - failed} undecided" if len(missing) > failed else "",
    ]
    return f"of {len(gate.criteria)} criteria {' and '.join(filter(None, counts))}"


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


def suite_lines(suite: Suite) -> list[str]:
    """Several audits in one line for a log: FAIL if any failed, else UNDECIDED if any did not pass."""
    codes = [exit_code_of(entry) for entry in suite.entries]
    names = ((ExitCode.FAILED, "failed"), (ExitCode.UNFINISHED, "undecided"), (ExitCode.PASSED, "passed"))
    counts = [f"{codes.count(code)} {word}" for code, word in names if code in codes]
    lost = sum(code in (ExitCode.BAD_INPUT, ExitCode.BUG) for code in codes)
    if lost:
        counts.insert(0, f"{lost} not audited")
    if ExitCode.FAILED in codes:
        word = ANSWERS[Outcome.FAILED]
    else:
        word = ANSWERS[Outcome.PASSED if set(codes) <= {ExitCode.PASSED} else Outcome.UNDECIDED]
    head = f"{word}  {plural(len(codes), 'audit')}: {', '.join(counts) or 'none'}"
    code = f"exit code {int(suite.exit_code)}"
    return [f"{head}; {code} ({exit_reason(suite)})", f"{head}; {code}", f"{word}  {code}"]


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
