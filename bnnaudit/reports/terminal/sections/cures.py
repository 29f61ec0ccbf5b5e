"""Why attacks fail: symptoms, causes, what cures them, and how many images each cure alone recovers."""

from rich.console import RenderableType

from bnnaudit.core.finding import Family
from bnnaudit.core.report import Report
from bnnaudit.reports.numbers import count, interval, percent
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import Column, Parts, heading, labelled, notes, table
from bnnaudit.reports.verdict_words import remedy_words

_LINKS = ((Family.SYMPTOM, "Symptoms"), (Family.CAUSE, "Causes"))


def cures(report: Report, page: Page) -> Parts:
    """Nothing where no cure was tried, or where the claim's attack left nothing to recover."""
    if not report.cures or report.cures[0].recovered.n == 0:
        return []
    left = count(report.cures[0].recovered.n)
    shares = [cure.recovered for cure in report.cures]
    columns = (
        Column("cure", [page.text(cure.name) for cure in report.cures], wraps=True),
        Column("setting", [page.text(cure.setting) for cure in report.cures], wraps=True),
        Column("images", [page.text(count(round(share.value * share.n)), "bold") for share in shares], right=True),
        Column("share", [page.text(percent(share.value)) for share in shares], right=True),
        Column("95 %", [page.text(interval(share), "dim") for share in shares], spare=1),
    )
    words = f"Of the {left} images that the claim's attack leaves, how many are fooled when only this is changed:"
    return [
        heading("What each cure recovers", page),
        *_chain(report, page),
        *notes([words], page),
        table(columns, page),
    ]


def _chain(report: Report, page: Page) -> list[RenderableType]:
    rows: list[tuple[str, RenderableType]] = []
    for family, title in _LINKS:
        found = [f"{entry.rule.code} {entry.rule.name}" for entry in report.findings if entry.rule.family is family]
        if found:
            rows.append((title, page.text(", ".join(found))))
    if report.remedy is not None:
        rows.append(("Cure", page.text(remedy_words(report.remedy))))
    return [labelled(rows)] if rows else []
