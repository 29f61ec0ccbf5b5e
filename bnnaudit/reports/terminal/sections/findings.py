"""Findings in the order of the argument, and beside them what was waived, skipped, or broke."""

from rich.console import Group, RenderableType
from rich.text import Text

from bnnaudit.core.finding import Family, Finding
from bnnaudit.core.report import Report
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import Parts, badge, heading, indented, listed

# The model comes first: how far everything after it can be trusted depends on it.
_CHAPTERS = (
    (Family.MODEL, "The model"),
    (Family.SYMPTOM, "Symptoms of gradient masking"),
    (Family.CAUSE, "Cause"),
    (Family.VERDICT, "Verdict on the claim"),
)


def findings(report: Report, page: Page) -> Parts:
    """Chapters of findings, then the three other lists. A run that judged nothing shows only what there is."""
    judged = report.verdict is not None
    parts: list[RenderableType] = []
    if judged or report.findings:
        parts += [heading("Findings", page), *_chapters(report, page)]
    return [*parts, *_lists(report, page), *_empty(report, page)]


def _chapters(report: Report, page: Page) -> list[RenderableType]:
    parts: list[RenderableType] = []
    for family, title in _CHAPTERS:
        chapter = [finding for finding in report.findings if finding.rule.family is family]
        if chapter:
            parts.append(indented(Text(title, style="bold")))
            parts += [indented(_entry(finding, page)) for finding in chapter]
            parts.append(Text(""))
    if report.verdict is not None and not report.shows_masking:
        parts.append(indented(_nothing_found(report, page)))
    if report.findings:
        hint = " says what a finding means, how it is measured and what to do."
        parts.append(indented(Text.assemble(("bnnaudit explain CODE", "cyan"), (hint, "dim"))))
    return parts


def _nothing_found(report: Report, page: Page) -> Text:
    """Never "not masked": a check that finds nothing has not shown that there is nothing."""
    open_questions = report.skipped or report.faults
    extent = " by the checks that could run" if open_questions else ""
    return page.text(f"No evidence of gradient masking was found{extent}.", "yellow" if open_questions else "green")


def _entry(finding: Finding, page: Page) -> RenderableType:
    rule = finding.rule
    head = Text(" ").join((badge(finding.severity, page), page.text(rule.code, "bold"), page.text(rule.name, "bold")))
    head.append_text(page.text(f"  ({finding.confidence} confidence)", "dim"))
    return Group(head, indented(page.text(finding.message)))


def _lists(report: Report, page: Page) -> list[RenderableType]:
    """What was waived, what was skipped, a line for each reason with all its checks, and what broke."""
    reasons: dict[str, list[str]] = {}
    for skip in report.skipped:
        reasons.setdefault(skip.why, []).append(skip.check)
    waived = [(f.rule.code, f.waiver.expires, f.waiver.reason) for f in report.findings if f.waiver is not None]
    required = " (required: the audit is undecided without it)"
    lists = (
        ("Waived", "bold", [(rule, f" until {until}: {reason}") for rule, until, reason in waived]),
        ("Skipped", "bold", [(", ".join(checks), f": {why}") for why, checks in reasons.items()]),
        ("Faults", "bold red", [(f.check, f": {f.error}{required if f.required else ''}") for f in report.faults]),
    )
    parts: list[RenderableType] = []
    for title, style, items in lists:
        if items:
            texts = [Text.assemble(page.text(name, style), page.text(words)) for name, words in items]
            parts += [heading(title, page), listed(texts)]
    return parts


def _empty(report: Report, page: Page) -> list[RenderableType]:
    """Names the empty lists, so that they do not look cut off."""
    if report.verdict is None:
        return []
    lists = ((report.waived, "waived"), (report.skipped, "skipped"), (report.faults, "broken"))
    words = [f"nothing {word}" for entries, word in lists if not entries]
    return [Text(""), indented(page.text(f"{', '.join(words).capitalize()}.", "dim"))] if words else []
