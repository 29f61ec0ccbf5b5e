"""Rules in full."""

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.finding import Family, Rule
from bnnaudit.core.sources import cited
from bnnaudit.reports.documents import Catalogue
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import Parts
from bnnaudit.reports.terminal.sources import source_lines
from bnnaudit.reports.terminal.typesetting import badge, heading, indented, prose

_FAMILIES = {
    Family.SYMPTOM: "a symptom of gradient masking",
    Family.CAUSE: "a cause of gradient masking",
    Family.VERDICT: "about the claimed robustness",
    Family.MODEL: "about the model itself",
}


def catalogue_parts(catalogue: Catalogue, page: Page) -> Parts:
    """All rules, one page after the other."""
    parts: list[RenderableType] = []
    for rule in catalogue.rules:
        if parts:
            parts += [Text(""), Text("")]
        parts += rule_parts(rule, page)
    return parts


def rule_parts(rule: Rule, page: Page) -> Parts:
    """One rule as a page of text."""
    title = Text.assemble(
        page.text(rule.code, "bold cyan"), " ", page.text(rule.name, "bold"), "  ", badge(rule.severity, page)
    )
    title.append_text(page.text(f"  {_FAMILIES[rule.family]}", "dim"))
    sections = (
        ("What it means", rule.meaning),
        ("How it is measured", rule.measured),
        ("Threshold", rule.threshold),
        ("Source", rule.source),
        ("What to do", rule.remedy),
        ("False alarms", rule.false_alarms),
    )
    parts: list[RenderableType] = [title, indented(prose(rule.summary, page))]
    for name, words in sections:
        parts += [heading(name, page), indented(prose(words, page))]
    if sources := cited(rule.source):
        parts += [heading("Publications", page), *(indented(line) for line in source_lines(sources, page))]
    return parts
