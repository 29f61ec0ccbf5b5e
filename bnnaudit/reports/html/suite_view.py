"""Several reports on one page: a sentence, and a line for each."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.html.headline import NOT_ASKED, TONES, Tone, headline, sentence
from bnnaudit.reports.numbers import MISSING, percent, threat_text
from bnnaudit.reports.verdict_words import ANSWERS, exit_reason, suite_counts, suite_outcome

NOT_AUDITED = "NOT AUDITED"
"""The answer for a model of which there is no report."""


@dataclass(frozen=True, slots=True)
class FailureView:
    """A model that could not be audited. key: its anchor."""

    key: str
    failure: Failure
    answer: str = NOT_AUDITED
    tone: Tone = Tone.BAD


@dataclass(frozen=True, slots=True)
class SuiteLine:
    """One audit in a line. key: the anchor of its section."""

    key: str
    model: str
    threat: str
    answer: str
    tone: Tone
    status: str
    clean: str
    claimed: str
    verified: str


@dataclass(frozen=True, slots=True)
class SuiteView:
    """tone, answer: of the command as a whole. total: of the entries, of which `lines` may hold the first only."""

    suite: Suite
    answer: str
    tone: Tone
    exit_code: int
    exit_reason: str
    sentence: str
    lines: tuple[SuiteLine, ...]
    total: int


def suite_view(suite: Suite, most: int) -> SuiteView:
    """The first `most` lines; the sentence counts all."""
    outcome = suite_outcome(suite)
    lines = tuple(_line(entry, f"r{number}") for number, entry in enumerate(suite.entries[:most], 1))
    return SuiteView(
        suite,
        NOT_ASKED if outcome is None else ANSWERS[outcome],
        Tone.PLAIN if outcome is None else TONES[outcome],
        int(suite.exit_code),
        exit_reason(suite),
        sentence(suite_counts(suite)),
        lines,
        len(suite.entries),
    )


def _line(entry: Report | Failure, key: str) -> SuiteLine:
    if isinstance(entry, Failure):
        return SuiteLine(key, entry.model, MISSING, NOT_AUDITED, Tone.BAD, "No report", MISSING, MISSING, MISSING)
    top, verdict, clean = headline(entry), entry.verdict, entry.clean_accuracy
    verified = None if verdict is None else verdict.verified_accuracy
    return SuiteLine(
        key,
        entry.model.path,
        threat_text(entry.threat),
        top.answer,
        top.tone,
        top.status,
        percent(None if clean is None else clean.value),
        percent(None if verdict is None else verdict.claimed_accuracy),
        MISSING if verified is None else f"at most {percent(verified.value)}",
    )
