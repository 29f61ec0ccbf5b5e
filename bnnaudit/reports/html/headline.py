"""The first thing on the page: what the model is, in one sentence, and beside it what the gate was asked and answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Gate, Outcome
from bnnaudit.core.report import Report, Status, Verdict
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.html.shown_text import name
from bnnaudit.reports.numbers import percent, plural, threat_text


class Tone(StrEnum):
    """How a word is marked, by a sign and by colour."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Headline:
    """answer: of the gate, in a word. asked: how it came about. status: what the model is, in two or three words."""

    answer: str
    tone: Tone
    asked: str
    status: str
    sentence: str


ANSWERS = {
    Outcome.PASSED: ("PASS", Tone.GOOD),
    Outcome.FAILED: ("FAIL", Tone.BAD),
    Outcome.UNDECIDED: ("UNDECIDED", Tone.OPEN),
}
STATUSES = {
    Status.FAKE: "Fake robustness",
    Status.NOT_ROBUST: "Not robust",
    Status.CLAIM_NOT_MET: "Claim not met",
    Status.AS_CLAIMED: "Robust as claimed",
    Status.INCONCLUSIVE: "Inconclusive",
}


def headline(report: Report) -> Headline:
    """Of a run that judged nothing: what it measured."""
    answer, tone = ("NOT ASKED", Tone.PLAIN) if report.gate is None else ANSWERS[report.gate.outcome]
    status = "No verdict" if report.verdict is None else STATUSES[report.verdict.status]
    sentence = _measured(report) if report.verdict is None else _judged(report, report.verdict)
    return Headline(answer, tone, gate_words(report.gate), status, sentence)


def gate_words(gate: Gate | None) -> str:
    """`1 of 3 criteria failed: verified accuracy of at least 30 %`."""
    if gate is None:
        return "This command measures; it has no gate."
    total = f"{len(gate.criteria)} criteria" if len(gate.criteria) != 1 else "1 criterion"
    if gate.outcome is Outcome.PASSED:
        return f"All that was asked is met: {total}."
    verb = "failed" if gate.outcome is Outcome.FAILED else "undecided"
    open_ones = [criterion for criterion in gate.criteria if criterion.outcome is gate.outcome]
    named = "; ".join(f"{name(criterion.asked)} ({name(criterion.reason).rstrip('.')})" for criterion in open_ones[:2])
    further = f"; {len(open_ones) - 2} more" if len(open_ones) > 2 else ""
    return f"{len(open_ones)} of {total} {verb}: {named}{further}."


def _judged(report: Report, verdict: Verdict) -> str:
    under = f"under {threat_text(report.threat)}"
    left = _at_most(verdict.verified_accuracy)
    match verdict.status:
        case Status.FAKE:
            return f"The robustness is fake: {_claim(verdict)} {under}, all attacks together leave {left}."
        case Status.NOT_ROBUST:
            return f"The model is not robust: all attacks together leave {left} of the images right {under}."
        case Status.CLAIM_NOT_MET:
            return f"The claim is not met: {_claim(verdict)} {under}, all attacks together leave {left}."
        case Status.AS_CLAIMED:
            return f"The model is as robust as claimed: {_claim(verdict)} {under}, all attacks together leave {left}."
        case Status.INCONCLUSIVE:
            return f"The audit came to no verdict about the model {under}."
        case _:
            assert_never(verdict.status)


def _claim(verdict: Verdict) -> str:
    claimed = percent(verdict.claimed_accuracy)
    if verdict.declared_accuracy is not None:
        return f"{claimed} is declared"
    return f"ordinary PGD leaves {claimed} of the images right"


def _at_most(estimate: Estimate | None) -> str:
    return "an unknown share" if estimate is None else f"at most {percent(estimate.value)}"


def _measured(report: Report) -> str:
    """What a run without a verdict left: its attack, the strongest of several, or only the clean accuracy."""
    row = report.strongest
    if row is None:
        return f"{percent(report.clean_accuracy.value) if report.clean_accuracy else 'An unknown share'} right on clean images."
    of = f", the strongest of {plural(len(report.attacks), 'attack')}," if len(report.attacks) > 1 else ""
    return f"{attack_name(row.settings)}{of} leaves {percent(row.accuracy.value)} under {threat_text(row.threat)}."
