"""Several audits: the summary of each, and one table of all at the end."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.numbers import MISSING, percent, plural, threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.terminal.audit import audit_parts
from bnnaudit.reports.terminal.last_line import last_line
from bnnaudit.reports.terminal.summary_rows import SHORT, drawn, summary_parts, summary_rows
from bnnaudit.reports.terminal.typesetting import OUTCOME_STYLES, Column, Parts, heading, indented, table
from bnnaudit.reports.verdict_words import EXITS, STATUSES, answer, exit_reason

MOST_IN_FULL = 3
"""Audits of which each has ten lines; of more each has only what it is, the gate's answer and what to do. Not tuned."""
_PRECEDENCE = "The worst exit code counts: 70 before 2, 2 before 1, 1 before 3, 3 before 0."


def suite_parts(suite: Suite, page: Page) -> Parts:
    """The whole of each report on a verbose page, else its summary; then the table and the exit code."""
    parts: list[RenderableType] = []
    for number, entry in enumerate(suite.entries, 1):
        if isinstance(entry, Report):
            parts.append(heading(f"{number} of {plural(len(suite.entries), 'audit')}", page))
            parts += _entry(entry, page, brief=len(suite.entries) > MOST_IN_FULL)
    failures = [entry for entry in suite.entries if isinstance(entry, Failure)]
    code = int(suite.exit_code)
    return [
        *parts,
        heading("All audits", page),
        table(_columns(suite, page), page),
        *(indented(_message(failure, page)) for failure in failures),
        Text(""),
        indented(page.text(f"Exit code {code}, {exit_reason(suite)}")),
        indented(page.text(_PRECEDENCE, "dim")),
        Text(""),
        last_line(suite, page),
    ]


def failure_parts(failure: Failure, page: Page) -> Parts:
    """What is wrong, in one sentence, and the line for a log."""
    line = last_line(failure, page)
    complete = page.text(failure.message).plain in line.plain
    return [line] if complete else [_message(failure, page), Text(""), line]


def _entry(entry: Report, page: Page, *, brief: bool) -> Parts:
    if page.verbose or entry.verdict is None:
        return audit_parts(entry, page)
    if brief:
        return drawn([row for row in summary_rows(entry, page) if row.label in SHORT])
    return summary_parts(entry, page)


def _message(failure: Failure, page: Page) -> Text:
    """Which model, unless the message says it, and what is wrong."""
    name = "" if failure.model in failure.message else f"{short(failure.model)}: "
    return Text.assemble(
        page.text(f"not audited ({EXITS[failure.exit_code]}): ", "bold red"), page.text(name + failure.message)
    )


def _columns(suite: Suite, page: Page) -> list[Column]:
    rows = [_cells(entry) for entry in suite.entries]
    gates = [_gate(entry, page) for entry in suite.entries]
    codes = [page.text(str(int(exit_code_of(entry)))) for entry in suite.entries]
    threats, clean, claimed, verified, statuses = zip(*rows, strict=True) if rows else ((),) * 5
    return [
        Column("model", [page.text(short(name)) for name in _names(suite)], wraps=True),
        Column("threat", [page.text(words) for words in threats], wraps=True, spare=1),
        Column("clean", [page.text(words) for words in clean], right=True, spare=2),
        Column("claimed", [page.text(words) for words in claimed], right=True, spare=3),
        Column("verified,\nat most", [page.text(words, "bold") for words in verified], right=True),
        Column("status", [page.text(words) for words in statuses], wraps=True),
        Column("gate", gates),
        Column("exit", codes, right=True),
    ]


def _names(suite: Suite) -> list[str]:
    """Of the files alone, unless two of different folders have the same."""
    paths = [entry.model if isinstance(entry, Failure) else entry.model.path for entry in suite.entries]
    names = [path.replace("\\", "/").rpartition("/")[2] or path for path in paths]
    return names if len(set(names)) == len(set(paths)) else paths


def _cells(entry: Report | Failure) -> tuple[str, str, str, str, str]:
    """Threat, clean, claimed and verified accuracy, and status."""
    if isinstance(entry, Failure):
        return MISSING, MISSING, MISSING, MISSING, "not audited"
    verdict, clean = entry.verdict, entry.clean_accuracy
    verified = verdict.verified_accuracy if verdict else None
    return (
        threat_text(entry.threat),
        percent(clean.value if clean else None),
        percent(verdict.claimed_accuracy if verdict else None),
        percent(verified.value if verified else None),
        STATUSES[verdict.status] if verdict else MISSING,
    )


def _gate(entry: Report | Failure, page: Page) -> Text:
    if isinstance(entry, Failure) or entry.gate is None:
        return page.text(MISSING)
    return page.text(answer(entry), OUTCOME_STYLES[entry.gate.outcome])
