"""Why attacks fail: the chain from symptom to cause, and how many images each cure alone recovers."""

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bnnaudit.core.finding import Family
from bnnaudit.core.report import EVERYTHING, PAIRED, Cure, Report
from bnnaudit.reports.numbers import count, interval, percent
from bnnaudit.reports.terminal.style import Look
from bnnaudit.reports.terminal.typesetting import heading, indented, labelled

NEARLY = 0.05
"""Of the images: so much less than the strongest cure a simpler one may recover."""
LEAST = 0.1
"""Of the images: a cure that recovers less is no remedy, whatever the others do; not tuned."""
REMEDY = 0.25
"""Of the images that all attacks of the audit recover together: a cure that recovers a smaller share is no remedy; not tuned."""
_LINKS = ((Family.SYMPTOM, "Symptoms"), (Family.CAUSE, "Causes"))


def cures(report: Report, look: Look) -> Sequence[RenderableType]:
    """Nothing where no cure was tried, or where the claim's attack left nothing to recover."""
    if not report.cures or report.cures[0].recovered.n == 0:
        return []
    left = count(report.cures[0].recovered.n)
    words = f"Of the {left} images that the claim's attack leaves, so many fall when this alone is changed:"
    return [
        heading("Why: from symptom to cause to remedy", look),
        *_chain(report, look),
        indented(look.text(words, "dim")),
        indented(_table(report.cures, look)),
    ]


def _chain(report: Report, look: Look) -> list[RenderableType]:
    rows: list[tuple[str, RenderableType]] = []
    for family, title in _LINKS:
        found = [f"{entry.rule.code} {entry.rule.name}" for entry in report.findings if entry.rule.family is family]
        if found:
            rows.append((title, look.text(", ".join(found))))
    remedy = _remedy(
        [cure for cure in report.cures if cure.name != EVERYTHING and cure.recovered.value >= _bar(report)]
    )
    if rows and remedy is not None:
        words = "recover most together" if PAIRED in remedy.name else "recovers most by itself"
        rows.append(("Remedy", look.text(f"{remedy.name} ({remedy.setting}) {words}")))
    return [labelled(rows)] if rows else []


def _bar(report: Report) -> float:
    """The share of the images from which on a cure counts as a remedy."""
    everything = [cure.recovered.value for cure in report.cures if cure.name == EVERYTHING]
    return max(LEAST, REMEDY * max(everything, default=0.0))


def _remedy(cures: Sequence[Cure]) -> Cure | None:
    """The cure that recovers most, a pair of them only if no single one comes within five points of it."""
    if not cures:
        return None
    strongest = max(cures, key=lambda cure: cure.recovered.value)
    single = [cure for cure in cures if PAIRED not in cure.name]
    simplest = max(single, key=lambda cure: cure.recovered.value, default=strongest)
    return simplest if strongest.recovered.value - simplest.recovered.value <= NEARLY else strongest


def _table(entries: Sequence[Cure], look: Look) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("cure", overflow="fold")
    table.add_column("setting", overflow="fold")
    table.add_column("images", justify="right")
    table.add_column("share", justify="right")
    table.add_column("95 %")
    for cure in entries:
        recovered = cure.recovered
        table.add_row(
            look.text(cure.name),
            look.text(cure.setting),
            look.text(count(round(recovered.value * recovered.n)), "bold"),
            look.text(percent(recovered.value)),
            Text(interval(recovered), "dim"),
        )
    return table
