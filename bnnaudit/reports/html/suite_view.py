"""Several reports on one page: a sentence, and a line for each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.gate import Outcome
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.html.headline import NOT_ASKED, TONES, Tone, headline
from bnnaudit.reports.numbers import MISSING, percent, plural, threat_text
from bnnaudit.reports.verdict_words import ANSWERS, exit_reason

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
    outcome = _outcome(suite)
    lines = tuple(_line(entry, f"r{number}") for number, entry in enumerate(suite.entries[:most], 1))
    return SuiteView(
        suite,
        ANSWERS[outcome],
        TONES[outcome],
        int(suite.exit_code),
        exit_reason(suite),
        _sentence(suite),
        lines,
        len(suite.entries),
    )


def _outcome(suite: Suite) -> Outcome:
    """Failed if any model failed, else passed only if all passed."""
    codes = {exit_code_of(entry) for entry in suite.entries}
    if ExitCode.FAILED in codes:
        return Outcome.FAILED
    return Outcome.PASSED if codes == {ExitCode.PASSED} else Outcome.UNDECIDED


def _sentence(suite: Suite) -> str:
    """`Of 4 audits 2 pass, 1 fails and 1 gave no report.`"""
    counts = Counter(_answer(entry) for entry in suite.entries)
    verbs = (
        (ANSWERS[Outcome.PASSED], "passes", "pass"),
        (ANSWERS[Outcome.FAILED], "fails", "fail"),
        (ANSWERS[Outcome.UNDECIDED], "is undecided", "are undecided"),
        (NOT_ASKED, "was not judged", "were not judged"),
        (NOT_AUDITED, "gave no report", "gave no report"),
    )
    parts = [f"{counts[word]} {one if counts[word] == 1 else many}" for word, one, many in verbs if counts[word]]
    if not parts:
        return "Nothing was audited."
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Of {plural(len(suite.entries), 'audit')} {listed}."


def _answer(entry: Report | Failure) -> str:
    return NOT_AUDITED if isinstance(entry, Failure) else headline(entry).answer


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
