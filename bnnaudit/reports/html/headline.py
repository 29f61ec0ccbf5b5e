"""The first thing on the page: what the model is, in one sentence, and beside it what the gate was asked and answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Outcome
from bnnaudit.core.report import Report, Status, Verdict
from bnnaudit.core.suite import exit_code_of
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.numbers import percent, plural, threat_text
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import ANSWERS, STATUSES, gate_sentence, open_criteria


class Tone(StrEnum):
    """How a word is marked, by a sign and by colour."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Headline:
    """answer: of the gate, in a word. exit_code: that goes with it. asked: how it came about. status: what the model is, in two
    or three words.
    """

    answer: str
    tone: Tone
    exit_code: int
    asked: str
    status: str
    sentence: str


NOT_ASKED = "NOT ASKED"
"""The answer where there is no gate."""
TONES = {Outcome.PASSED: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.UNDECIDED: Tone.OPEN}


def headline(report: Report) -> Headline:
    """Of a run that judged nothing: what it measured."""
    gate, verdict = report.gate, report.verdict
    answer, tone = (NOT_ASKED, Tone.PLAIN) if gate is None else (ANSWERS[gate.outcome], TONES[gate.outcome])
    status = "No verdict" if verdict is None else STATUSES[verdict.status].capitalize()
    sentence = _measured(report) if verdict is None else _judged(report, verdict)
    return Headline(answer, tone, int(exit_code_of(report)), gate_words(report), status, sentence)


def gate_words(report: Report) -> str:
    """`1 of 3 criteria failed: verified accuracy of at least 30 % (at most 12.0 % [9.1, 15.6])`; what was met where all was."""
    gate = report.gate
    if gate is None:
        return "This command measures; it has no gate."
    if gate.outcome is Outcome.PASSED:
        return sentence(gate_sentence(report).partition(": ")[2])
    total = f"{len(gate.criteria)} criteria" if len(gate.criteria) != 1 else "1 criterion"
    verb = "failed" if gate.outcome is Outcome.FAILED else "undecided"
    missing = [criterion for criterion in open_criteria(gate) if criterion.outcome is gate.outcome]
    named = "; ".join(f"{short(one.asked)} ({short(one.reason).rstrip('.')})" for one in missing[:2])
    further = f"; {len(missing) - 2} more" if len(missing) > 2 else ""
    return f"{len(missing)} of {total} {verb}: {named}{further}."


def sentence(words: str) -> str:
    """The words with a capital first and a full stop last."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _judged(report: Report, verdict: Verdict) -> str:
    under = f"under {threat_text(report.threat)}"
    left = _at_most(verdict.verified_accuracy)
    match verdict.status:
        case Status.FAKE:
            return f"The robustness is fake: {_claim(verdict)} {under}, all attacks together leave {left}."
        case Status.NOT_ROBUST:
            return f"The model is not robust: all attacks together leave {left} {under}."
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
    return f"ordinary PGD leaves {claimed}"


def _at_most(estimate: Estimate | None) -> str:
    return "an unknown share" if estimate is None else f"at most {percent(estimate.value)}"


def _measured(report: Report) -> str:
    """What a run without a verdict left: its attack, the strongest of several, or only the clean accuracy."""
    row = report.strongest
    if row is None:
        return f"{percent(report.clean_accuracy.value) if report.clean_accuracy else 'An unknown share'} right on clean images."
    of = f", the strongest of {plural(len(report.attacks), 'attack')}," if len(report.attacks) > 1 else ""
    return f"{attack_name(row.settings)}{of} leaves {percent(row.accuracy.value)} under {threat_text(row.threat)}."
