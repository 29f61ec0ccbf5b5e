"""Findings in the order of the argument, and beside them what was waived, skipped, or broke."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bnnaudit.core.finding import Family, Finding, speaks_of_masking
from bnnaudit.core.report import Report
from bnnaudit.reports.terminal.severity import badge
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented, listed

# The model comes first: how far everything after it can be trusted depends on it.
_CHAPTERS = (
    (Family.MODEL, "The model"),
    (Family.SYMPTOM, "Symptoms of gradient masking"),
    (Family.CAUSE, "Cause"),
    (Family.VERDICT, "Verdict on the claim"),
)


def findings(report: Report, look: Look) -> Sequence[RenderableType]:
    """Chapters of findings, then the three other lists. A run that judged nothing shows only what there is."""
    judged = report.verdict is not None
    parts: list[RenderableType] = []
    if judged or report.findings:
        parts += [heading("Findings", look), *_chapters(report, look)]
    return [*parts, *_waived(report, look), *_skipped(report, look), *_faults(report, look), *_empty(report, look)]


def _chapters(report: Report, look: Look) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for family, title in _CHAPTERS:
        chapter = [finding for finding in report.findings if finding.rule.family is family]
        if chapter:
            parts.append(indented(Text(title, style="bold")))
            parts += [indented(_entry(finding, look)) for finding in chapter]
            parts.append(Text(""))
    if report.verdict is not None and not any(speaks_of_masking(finding) for finding in report.findings):
        parts.append(indented(_nothing_found(report, look)))
    if report.findings:
        hint = " says what a finding means, how it is measured and what to do."
        parts.append(indented(Text.assemble(("bnnaudit explain CODE", "cyan"), (hint, "dim"))))
    return parts


def _nothing_found(report: Report, look: Look) -> Text:
    """Never "not masked": a check that finds nothing has not shown that there is nothing."""
    open_questions = report.skipped or report.faults
    extent = " by the checks that could run" if open_questions else ""
    return look.text(f"No evidence of gradient masking was found{extent}.", "yellow" if open_questions else "green")


def _entry(finding: Finding, look: Look) -> RenderableType:
    head = Text.assemble(
        badge(finding.severity, look),
        " ",
        look.text(finding.rule.code, "bold"),
        " ",
        look.text(finding.rule.name, "bold"),
    )
    head.append_text(look.text(f"  ({finding.confidence} confidence)", "dim"))
    grid = Table.grid()
    grid.add_column(overflow="fold")
    grid.add_row(head)
    grid.add_row(indented(look.text(finding.message)))
    return grid


def _waived(report: Report, look: Look) -> list[RenderableType]:
    items = [
        Text.assemble(look.text(waiver.rule, "bold"), look.text(f" until {waiver.until}: {waiver.reason}"))
        for waiver in report.waived
    ]
    return _list("Waived", items, look)


def _skipped(report: Report, look: Look) -> list[RenderableType]:
    items = [Text.assemble(look.text(skip.check, "bold"), look.text(f": {skip.why}")) for skip in report.skipped]
    return _list("Skipped", items, look)


def _faults(report: Report, look: Look) -> list[RenderableType]:
    items = []
    for fault in report.faults:
        item = Text.assemble(look.text(fault.check, "bold red"), look.text(f": {fault.error}"))
        if fault.required:
            item.append(" (required: the audit is undecided without it)", style="red")
        items.append(item)
    return _list("Faults", items, look)


def _list(title: str, items: Sequence[Text], look: Look) -> list[RenderableType]:
    return [heading(title, look), listed(items)] if items else []


def _empty(report: Report, look: Look) -> list[RenderableType]:
    """Says of each empty list that it is empty, so that nobody has to wonder whether it was cut off."""
    if report.verdict is None:
        return []
    lists = ((report.waived, "waived"), (report.skipped, "skipped"), (report.faults, "broken"))
    words = [f"nothing {word}" for entries, word in lists if not entries]
    return [Text(""), indented(look.text(f"{', '.join(words).capitalize()}.", "dim"))] if words else []
