"""A rule in full: the text and the JSON of `explain`."""

from collections.abc import Iterable, Sequence

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.finding import Family, Rule
from bnnaudit.core.sources import cited
from bnnaudit.reports.json.strict import JsonValue
from bnnaudit.reports.terminal.severity import badge
from bnnaudit.reports.terminal.sources import source_lines, source_to_json
from bnnaudit.reports.terminal.style import Look, choose_look, draw
from bnnaudit.reports.terminal.typesetting import heading, indented, prose

_FAMILIES = {
    Family.SYMPTOM: "a symptom of gradient masking",
    Family.CAUSE: "a cause of gradient masking",
    Family.VERDICT: "about the claimed robustness",
    Family.MODEL: "about the model itself",
}


def render_rule(rule: Rule, *, width: int | None = None, color: bool = False, ascii: bool = False) -> str:
    """One rule as a page of text."""
    look = choose_look(width, color, ascii)
    return draw(_page(rule, look), look)


def render_catalogue(
    rules: Iterable[Rule], *, width: int | None = None, color: bool = False, ascii: bool = False
) -> str:
    """All rules, one page after the other, in the order given."""
    look = choose_look(width, color, ascii)
    parts: list[RenderableType] = []
    for rule in rules:
        if parts:
            parts += [Text(""), Text("")]
        parts += _page(rule, look)
    return draw(parts, look)


def rule_to_json(rule: Rule) -> dict[str, JsonValue]:
    """A rule with every text it has, and the publications that it cites."""
    return {
        "rule": rule.code,
        "name": rule.name,
        "severity": str(rule.severity),
        "summary": rule.summary,
        "meaning": rule.meaning,
        "measured": rule.measured,
        "threshold": rule.threshold,
        "source": rule.source,
        "publications": [source_to_json(source) for source in cited(rule.source)],
        "remedy": rule.remedy,
        "false_alarms": rule.false_alarms,
    }


def _page(rule: Rule, look: Look) -> Sequence[RenderableType]:
    title = Text.assemble(
        look.text(rule.code, "bold cyan"), " ", look.text(rule.name, "bold"), "  ", badge(rule.severity, look)
    )
    title.append_text(look.text(f"  {_FAMILIES[rule.family]}", "dim"))
    sections = (
        ("What it means", rule.meaning),
        ("How it is measured", rule.measured),
        ("Threshold", rule.threshold),
        ("Source", rule.source),
        ("What to do", rule.remedy),
        ("False alarms", rule.false_alarms),
    )
    parts: list[RenderableType] = [title, indented(prose(rule.summary, look))]
    for name, words in sections:
        parts += [heading(name, look), indented(prose(words, look))]
    if sources := cited(rule.source):
        parts += [heading("Publications", look), *(indented(line) for line in source_lines(sources, look))]
    return parts
