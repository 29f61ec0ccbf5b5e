"""Audits as workflow commands of GitHub Actions, which show them as annotations beside a run and on a pull request.

Written after GitHub's documentation, "Workflow commands for GitHub Actions": `::LEVEL file=...,title=...::MESSAGE`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import BaselineState, Finding, Severity
from bnnaudit.core.gate import Criterion, CriterionKind, Outcome
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, exit_code_of
from bnnaudit.reports.documents import Document
from bnnaudit.reports.entries import entries_of
from bnnaudit.reports.numbers import plural
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import EXITS, found_words, log_lines, waiver_words

MOST = 10
"""Annotations of each level that GitHub shows for a step (documentation of GitHub Actions, usage limits of annotations)."""
LONGEST = 1_000
"""Characters of a message: a pull request shows about as many at once. Not tuned."""


class Level(StrEnum):
    """How an annotation is shown; none of them changes the result of a step."""

    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Annotation:
    """One line of a log that GitHub shows elsewhere too. file: the model's path, empty where none is meant."""

    level: Level
    title: str
    message: str
    file: str = ""


_LEVELS = {Severity.ERROR: Level.ERROR, Severity.WARNING: Level.WARNING, Severity.NOTE: Level.NOTICE}
_OUTCOMES = {Outcome.PASSED: Level.NOTICE, Outcome.FAILED: Level.ERROR, Outcome.UNDECIDED: Level.WARNING}


def write_github(document: Document, page: Page) -> str:
    """At most ten annotations of each level, the most important first; raises UsageError for a document that is no audit."""
    entries = entries_of(document, "github")
    found = [each for kind in (_answers, _criteria, _findings, _faults) for entry in entries for each in kind(entry)]
    if not found:
        found = [Annotation(Level.NOTICE, "bnnaudit", "no model was audited")]
    return "".join(f"{_command(each)}\n" for each in _shown(found))


def _shown(found: Iterable[Annotation]) -> Iterator[Annotation]:
    """All of a level, or nine and one that counts the others."""
    listed = list(found)
    for level in Level:
        wanted = [each for each in listed if each.level is level]
        if len(wanted) <= MOST:
            yield from wanted
            continue
        yield from wanted[: MOST - 1]
        rest = plural(len(wanted) - MOST + 1, f"more {level}")
        yield Annotation(level, f"bnnaudit: {rest}", "GitHub shows ten of each level; the other reports have all.")


def _answers(entry: Report | Failure) -> Iterator[Annotation]:
    """The gate's answer, or why there is none."""
    code = exit_code_of(entry)
    if isinstance(entry, Failure):
        title = f"bnnaudit: not audited, exit code {int(code)} ({EXITS[code]})"
        yield Annotation(Level.ERROR, title, entry.message, entry.model)
        return
    level = Level.NOTICE if entry.gate is None else _OUTCOMES[entry.gate.outcome]
    name = "bnnaudit" if code is ExitCode.PASSED else f"bnnaudit: exit code {int(code)} ({EXITS[code]})"
    yield Annotation(level, name, log_lines(entry)[0], entry.model.path)


def _criteria(entry: Report | Failure) -> Iterator[Annotation]:
    """Those that were not passed, the failed ones before the undecided; findings are annotations of their own."""
    if isinstance(entry, Failure) or entry.gate is None:
        return
    for criterion in sorted(entry.gate.criteria, key=lambda each: each.outcome is not Outcome.FAILED):
        if criterion.outcome is not Outcome.PASSED and criterion.kind is not CriterionKind.FINDINGS:
            yield _criterion(criterion, entry.model.path)


def _criterion(criterion: Criterion, path: str) -> Annotation:
    message = f"asked: {criterion.asked}; found: {found_words(criterion)}"
    return Annotation(_OUTCOMES[criterion.outcome], f"bnnaudit: {criterion.kind} {criterion.outcome}", message, path)


def _findings(entry: Report | Failure) -> Iterator[Annotation]:
    """The most severe first."""
    if isinstance(entry, Failure):
        return
    for finding in sorted(entry.findings, key=lambda each: tuple(Severity).index(each.severity)):
        yield _finding(finding, entry)


def _finding(finding: Finding, report: Report) -> Annotation:
    """An error where it fails the gate, a warning where an error-level finding does not, a notice where it is waived or known."""
    title, waiver, path = f"{finding.rule.code} {finding.rule.name}", finding.waiver, report.model.path
    if waiver is not None:
        accepted = f"Waived {short(waiver_words(waiver)).rstrip('.')}. {finding.message}"
        return Annotation(Level.NOTICE, f"{title} (waived)", accepted, path)
    if report.gate is not None and report.gate.counts(finding):
        return Annotation(Level.ERROR, title, finding.message, path)
    if finding.baseline is BaselineState.UNCHANGED:
        return Annotation(Level.NOTICE, f"{title} (as in the baseline)", finding.message, path)
    level = _LEVELS[finding.severity]
    uncounted = report.gate is not None and level is Level.ERROR
    return Annotation(Level.WARNING if uncounted else level, title, finding.message, path)


def _faults(entry: Report | Failure) -> Iterator[Annotation]:
    if isinstance(entry, Failure):
        return
    for fault in entry.faults:
        yield Annotation(Level.WARNING, f"bnnaudit: {short(fault.check)} broke", fault.error, entry.model.path)


def _command(annotation: Annotation) -> str:
    properties = {"file": annotation.file, "title": annotation.title}
    listed = ",".join(f"{name}={_property(value)}" for name, value in properties.items() if value)
    return f"::{annotation.level} {listed}::{_message(short(annotation.message, LONGEST))}"


def _property(text: str) -> str:
    """A value between commas: colons and commas would end it."""
    return _message(short(text)).replace(":", "%3A").replace(",", "%2C")


def _message(text: str) -> str:
    """Text as the runner reads it: a per cent sign starts an escape."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
