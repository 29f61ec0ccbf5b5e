"""What `explain` prints: rules in full, the publications that texts cite, and the cost of each effort."""

from collections.abc import Iterable

from rich.console import RenderableType
from rich.text import Text

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Family, Rule
from bnnaudit.core.sources import Publication, cited
from bnnaudit.reports.documents import Bibliography, Catalogue, EffortTable
from bnnaudit.reports.numbers import MISSING, count
from bnnaudit.reports.page import Page
from bnnaudit.reports.rule_words import rule_sections
from bnnaudit.reports.terminal.typesetting import Column, Parts, badge, heading, indented, notes, prose, table

_FAMILIES = {
    Family.SYMPTOM: "a symptom of gradient masking",
    Family.CAUSE: "a cause of gradient masking",
    Family.VERDICT: "about the claimed robustness",
    Family.MODEL: "about the model itself",
}
_REMARKS = (
    "Passes through the network for each image at the default settings, at most: an image that is fooled costs no more.",
    "opening probes: on 100 images at most; attack-strength: on 8 (standard) or 100 (thorough).",
    "An attack that several checks share is counted with the first of them; -: not run at this effort.",
)


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
    parts: list[RenderableType] = [title, indented(prose(rule.summary, page))]
    for name, words in rule_sections(rule):
        parts += [heading(name, page), indented(prose(words, page))]
    if sources := cited(rule.source):
        parts += [heading("Publications", page), *(indented(line) for line in source_lines(sources, page))]
    return parts


def bibliography_parts(bibliography: Bibliography, page: Page) -> Parts:
    """All of them, in the order given."""
    return list(source_lines(bibliography.sources, page))


def source_lines(sources: Iterable[Publication], page: Page) -> Iterable[RenderableType]:
    """Each under the label that texts cite."""
    for source in sources:
        yield page.text(f"[{source.label}]", "bold")
        ends = (source.venue, source.link) if source.link else (source.venue,)
        yield indented(page.text(f"{source.authors}: {source.title}. {', '.join(ends)}"))


def effort_parts(efforts: EffortTable, page: Page) -> Parts:
    """One line a check, one column an effort, and the total of each."""
    checks = efforts.checks
    columns = [
        Column("check", [*(page.text(cost.check) for cost in checks), Text("total, at most", "bold")], wraps=True),
        Column("rules", [*(page.text(", ".join(cost.rules), "dim") for cost in checks), Text("")], wraps=True, spare=1),
    ]
    for index, effort in enumerate(Effort):
        passes = [cost.passes[index] for cost in checks]
        cells = [page.text(MISSING if number is None else count(number)) for number in passes]
        total = Text(count(sum(number or 0 for number in passes)), "bold")
        columns.append(Column(str(effort), [*cells, total], right=True))
    return [heading("check --effort", page), table(columns, page), *notes(_REMARKS, page)]
