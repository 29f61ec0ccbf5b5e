"""Findings in the order of the argument, and beside them what was waived, skipped, or broke."""

from rich.console import Group, RenderableType
from rich.text import Text

from bnnaudit.core.finding import Family, Finding, Severity
from bnnaudit.core.report import Report
from bnnaudit.reports.baseline_words import gone_lines
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import INDENT, Parts, badge, clipped, heading, indented, listed, opening
from bnnaudit.reports.verdict_words import no_masking_words, waiver_words

# The model comes first: how far everything after it can be trusted depends on it.
_CHAPTERS = (
    (Family.MODEL, "The model"),
    (Family.SYMPTOM, "Symptoms of gradient masking"),
    (Family.CAUSE, "Cause"),
    (Family.VERDICT, "Verdict on the claim"),
)

REQUIRED = " (required: the audit is undecided without it)"


def findings(report: Report, page: Page) -> Parts:
    """Chapters of findings, then the three other lists; on a page that is not verbose the most severe findings come first.

    A run that judged nothing shows only what there is.
    """
    judged = report.verdict is not None
    if judged and not page.verbose:
        return _brief(report, page)
    parts: list[RenderableType] = []
    if judged or report.findings:
        parts += [heading("Findings", page), *_chapters(report, page)]
    return [*parts, *_gone(report, page), *_lists(report, page), *_empty(report, page)]


def _gone(report: Report, page: Page) -> list[RenderableType]:
    """What the baseline found and this audit did not; on a page that is not verbose the summary has their codes."""
    lines = [] if report.baseline is None else list(gone_lines(report.baseline))
    texts = [Text.assemble(page.text(name, "bold"), page.text(f": {words}")) for name, words in lines]
    return [heading("Gone since the baseline", page), listed(texts)] if texts else []


def _brief(report: Report, page: Page) -> list[RenderableType]:
    """Two lines of each message, and what broke."""
    ordered = sorted(report.findings, key=lambda finding: tuple(Severity).index(finding.severity))
    parts: list[RenderableType] = [heading("Findings", page), *(indented(_short_entry(each, page)) for each in ordered)]
    if not report.shows_masking:
        parts.append(indented(_nothing_found(report, page)))
    for fault in report.faults:
        words = f"{fault.check}: {fault.error}{REQUIRED if fault.required else ''}"
        parts.append(
            indented(
                Text.assemble(
                    ("BROKEN ", "bold red"), clipped(page.text(words), page.columns - INDENT - len("BROKEN "), 2)
                )
            )
        )
    return parts


def _short_entry(finding: Finding, page: Page) -> RenderableType:
    width = page.columns - 2 * INDENT
    return Group(
        _title(finding, page), indented(opening(page.text(finding.message), width, 2)), *_waiver(finding, page)
    )


def _waiver(finding: Finding, page: Page) -> list[RenderableType]:
    if finding.waiver is None:
        return []
    return [indented(page.text(f"waived {waiver_words(finding.waiver)}", "yellow"))]


def _title(finding: Finding, page: Page) -> Text:
    rule = finding.rule
    state = "" if finding.baseline is None else f"  {finding.baseline}"
    head = (badge(finding.severity, page), page.text(rule.code, "bold"), page.text(rule.name, "bold"))
    return Text(" ").join(head).append_text(page.text(state, "dim"))


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
    words = no_masking_words(report)
    return page.text(words, "green" if words.endswith("found.") else "yellow")


def _entry(finding: Finding, page: Page) -> RenderableType:
    head = _title(finding, page).append_text(page.text(f"  ({finding.confidence} confidence)", "dim"))
    return Group(head, indented(page.text(finding.message)))


def _lists(report: Report, page: Page) -> list[RenderableType]:
    """What was waived, what was skipped, a line for each reason with all its checks, and what broke."""
    reasons: dict[str, list[str]] = {}
    for skip in report.skipped:
        reasons.setdefault(skip.why, []).append(skip.check)
    waived = [(f.rule.code, f.waiver) for f in report.findings if f.waiver is not None]
    lists = (
        ("Waived", "bold", [(code, f" {waiver_words(w)}") for code, w in waived]),
        ("Skipped", "bold", [(", ".join(checks), f": {why}") for why, checks in reasons.items()]),
        ("Faults", "bold red", [(f.check, f": {f.error}{REQUIRED if f.required else ''}") for f in report.faults]),
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
