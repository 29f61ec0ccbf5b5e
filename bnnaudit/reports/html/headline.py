"""The first thing on the page: what the model is, in one sentence, and beside it what the gate was asked and answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.gate import Gate, Outcome
from bnnaudit.core.report import Report, Verdict
from bnnaudit.core.suite import exit_code_of
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import (
    ANSWERS,
    STATUSES,
    criterion_line,
    further_reason,
    gate_sentence,
    log_lines,
    model_sentence,
    open_criteria,
)

NOT_ASKED = "NOT ASKED"
"""The answer where there is no gate."""
_NAMED = 2
"""Criteria that are named of several which keep a model from passing; the section on the gate has all. Not tuned."""


class Tone(StrEnum):
    """How a word is marked, by a sign and by colour."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    PLAIN = "plain"


TONES = {Outcome.PASSED: Tone.GOOD, Outcome.FAILED: Tone.BAD, Outcome.UNDECIDED: Tone.OPEN}


@dataclass(frozen=True, slots=True)
class Headline:
    """answer: of the gate, in a word. exit_code: that goes with it. asked: how it came about. status: what the model is, in two
    or three words. sentence: the same with its figures. reason: why, empty where the sentence says it.
    """

    answer: str
    tone: Tone
    exit_code: int
    asked: str
    status: str
    sentence: str
    reason: str


def headline(report: Report) -> Headline:
    """Of a run that judged nothing: what it measured."""
    gate, verdict = report.gate, report.verdict
    answer, tone = (NOT_ASKED, Tone.PLAIN) if gate is None else (ANSWERS[gate.outcome], TONES[gate.outcome])
    status, words, reason = "No verdict", log_lines(report)[0], ""
    if verdict is not None:
        status, words = STATUSES[verdict.status].capitalize(), model_sentence(report, verdict)
        reason = further_reason(verdict)
    return Headline(answer, tone, int(exit_code_of(report)), _asked(report), status, sentence(words), reason)


def sentence(words: str) -> str:
    """The words with a capital first and a full stop last."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def _asked(report: Report) -> str:
    """What the gate was asked and what keeps the model from passing; the exit code stands beside it."""
    if report.gate is None:
        return "This command measures; it has no gate."
    words = gate_sentence(report).partition(": ")[2]
    return sentence(f"{words}{_named(report.gate, report.verdict)}")


def _named(gate: Gate, verdict: Verdict | None) -> str:
    """The first of several criteria that are not met; a single one is in the sentence already."""
    missing = open_criteria(gate)
    if len(missing) < 2:
        return ""
    lines = "; ".join(short(criterion_line(each, verdict)).rstrip(".") for each in missing[:_NAMED])
    further = f"; {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return f": {lines}{further}"
