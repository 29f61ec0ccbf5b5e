"""The paper's tables and figures made again, in words that every format shares."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.reproduction import (
    Claim,
    ClaimFigure,
    Outcome,
    ReproducedModel,
    ReproducedRow,
    ReproducedTable,
    Reproduction,
    Unit,
)
from bnnaudit.core.sources import SOURCES
from bnnaudit.reports.numbers import MISSING, duration, interval, percent, plural, significant, with_interval
from bnnaudit.reports.safe_text import file_name

OUTCOMES = {
    Outcome.HOLDS: "Holds here",
    Outcome.FAILS: "Does not hold here",
    Outcome.UNDECIDED: "Inconclusive here",
}
LEFT = "Accuracies are what each attack leaves, each success replayed on the deployed model. Intervals are of this run alone."
NETWORK_TITLES = ("file", "network", "images", "clean accuracy")
TITLES = ("", "here", "95 %", "paper", "difference", "time")
"""Of the columns of a table; the difference in percentage points or in the unit of the table."""
MOST_POINTS = 13
"""Points of a curve that are written as numbers; pictures and CSV have all. Not tuned."""


@dataclass(frozen=True, slots=True)
class RowWords:
    """One row of a table, a text for each of `TITLES`, and the interval of the difference, empty where it has none."""

    name: str
    here: str
    interval: str
    paper: str
    difference: str
    spread: str
    time: str

    @property
    def whole_difference(self) -> str:
        """The difference with its interval."""
        return f"{self.difference} {self.spread}".rstrip()


def row_words(row: ReproducedRow, unit: Unit) -> RowWords:
    """`PGD`, `26.3 %`, `[24.0, 28.7]`, `26.98 %`, `-0.7`, `[-3.0, +1.7]`, `12.3 s`."""
    difference, ends = row.difference(unit), row.difference_interval(unit)
    return RowWords(
        row.name,
        figure_text(row.value, unit),
        interval_text(row.cell, unit),
        paper_text(row.paper, unit),
        MISSING if difference is None else difference_text(difference, unit),
        "" if ends is None else f"[{', '.join(difference_text(end, unit) for end in ends)}]",
        MISSING if row.seconds is None else duration(row.seconds),
    )


def figure_text(value: float | None, unit: Unit) -> str:
    """This run's figure in its unit; a dash where there is none."""
    if value is None:
        return MISSING
    if unit is Unit.PERCENT:
        return percent(value)
    return f"{significant(value, 4)} s" if unit is Unit.SECONDS else significant(value)


def interval_text(cell: Estimate | None, unit: Unit) -> str:
    """The 95 % interval; a dash where there is none."""
    if cell is None:
        return MISSING
    return interval(cell) if unit is Unit.PERCENT else f"[{significant(cell.low)}, {significant(cell.high)}]"


def paper_text(figure: str, unit: Unit) -> str:
    """The paper's figure as it prints it, with its unit; a dash where there is none."""
    if not figure:
        return MISSING
    return f"{figure}{ {Unit.PERCENT: ' %', Unit.SECONDS: ' s', Unit.NUMBER: ''}[unit] }"


def difference_text(difference: float, unit: Unit) -> str:
    """`+3.2` percentage points, or with three digits in another unit."""
    if unit is Unit.PERCENT:
        return f"{difference:+.1f}"
    return f"{'+' if difference > 0 else ''}{significant(difference)}"


def table_title(table: ReproducedTable) -> str:
    """`Table 5: DLR loss, APGD and the Square Attack against FGSM++ and PGD++`."""
    return f"{table.name.shown}: {table.title}"


def model_title(model: ReproducedModel) -> str:
    """`digits-bnn-waq.onnx: BNN-WAQ, cnn on digits`."""
    return f"{file_name(model.path)}: {model.network}"


def measured_on(model: ReproducedModel) -> str:
    """Images, clean accuracy and, where attacks are run, their sizes."""
    parts = [f"{plural(model.samples, 'image')} of {file_name(model.source)}", f"clean {with_interval(model.clean)}"]
    if model.threats:
        parts.append(model.threats)
    return "; ".join(parts)


def against_words(model: ReproducedModel, table: ReproducedTable) -> str:
    """The paper's network that it is compared with, or the one that comes nearest; empty where neither is known."""
    if model.against is not None:
        but = f", but {' and '.join(model.unlike)}" if model.unlike else ""
        beside = "" if table.name.is_figure else "The paper's figures are those of its "
        return f"{beside}{model.against}{but}." if beside else f"In the paper: {model.against}{but}."
    if model.nearest is None:
        return ""
    return f"{table.name.shown} of the paper has no such network; the nearest is its {model.nearest}."


def unable_words(model: ReproducedModel) -> list[str]:
    """Why rows have no figure of this run, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for row in model.rows:
        if row.unable:
            reasons.setdefault(row.unable, []).append(row.series or row.name)
    return [f"{', '.join(dict.fromkeys(names))}: {why}" for why, names in reasons.items()]


def claim_words(claim: Claim, unit: Unit, said: bool = True) -> str:
    """Whether a claim holds in this run: `Holds here: PGD 26.3 % [24.0, 28.7] (p = 0.0012).` said: with the outcome."""
    figures = ", ".join(claim_figure(figure, unit) for figure in claim.figures)
    p_value = "" if claim.p_value is None else f" (p = {significant(claim.p_value, 2)})"
    parts = [OUTCOMES[claim.outcome] if said else "", figures + p_value if figures else "", claim.why]
    return ": ".join(part for part in parts if part) + "."


def claim_figure(figure: ClaimFigure, unit: Unit) -> str:
    """A figure that a claim is judged by, with its interval: `PGD 26.3 % [24.0, 28.7]`, `||psi|| at b = 1: 0.127`."""
    name = figure.name if unit is Unit.PERCENT else f"{figure.name}:"
    if figure.cell is None:
        return f"{name} {figure_text(figure.number, unit)}"
    return f"{name} {figure_text(figure.cell.value, unit)} {interval_text(figure.cell, unit)}"


def missing_words(table: ReproducedTable) -> str:
    """The paper's networks that are missing, in one sentence; empty where none is."""
    if not table.missing:
        return ""
    names = "; ".join(str(each.network) for each in table.missing)
    return f"Missing of the paper's networks: {names}."


@dataclass(frozen=True, slots=True)
class CurveTable:
    """The points of one panel as a table: a row for each place, a text for each curve."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def curve_tables(table: ReproducedTable, model: ReproducedModel) -> Iterator[CurveTable]:
    """Each panel of a figure, of many points an even choice."""
    for index, panel in enumerate(table.panels):
        points = [row for row in model.rows if row.panel == index and row.x is not None]
        series = tuple(dict.fromkeys(row.series for row in points))
        cells = {(row.at, row.series): row for row in points}
        places = thinned(tuple(dict.fromkeys(row.at for row in points)))
        if places:
            rows = tuple((at, *(_point(cells.get((at, name)), table.unit) for name in series)) for at in places)
            yield CurveTable(panel.title, (panel.x_title, *series), rows)


def thinned(places: Sequence[str]) -> tuple[str, ...]:
    """At most `MOST_POINTS` of the places, evenly spaced, the first and the last among them."""
    if len(places) <= MOST_POINTS:
        return tuple(places)
    return tuple(places[round(index * (len(places) - 1) / (MOST_POINTS - 1))] for index in range(MOST_POINTS))


def _point(row: ReproducedRow | None, unit: Unit) -> str:
    if row is None or row.value is None:
        return MISSING
    if row.cell is None:
        return figure_text(row.value, unit)
    return f"{figure_text(row.value, unit)} {interval_text(row.cell, unit)}"


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """One claim for one model, for an overview of several tables."""

    table: ReproducedTable
    model: ReproducedModel
    claim: Claim


def claim_lines(found: Reproduction) -> list[ClaimLine]:
    """All of them, in the order of the tables."""
    return [
        ClaimLine(table, model, claim) for table in found.tables for model in table.models for claim in model.claims
    ]


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A claim of a table with the models for which it holds, does not hold, and is inconclusive."""

    table: str
    statement: str
    models: tuple[tuple[str, ...], ...]


def claims_by_statement(found: Reproduction) -> list[StatementLine]:
    """Each claim of each table once."""
    grouped: dict[tuple[str, str], list[ClaimLine]] = {}
    for line in claim_lines(found):
        grouped.setdefault((line.table.name.shown, line.claim.statement), []).append(line)
    return [
        StatementLine(
            table,
            statement,
            tuple(
                tuple(file_name(line.model.path) for line in lines if line.claim.outcome is outcome)
                for outcome in Outcome
            ),
        )
        for (table, statement), lines in grouped.items()
    ]


def missing_figures(table: ReproducedTable) -> list[tuple[str, str]]:
    """Each network of the paper that is missing, and its figures: `PGD 26.98 %, PGD++ NJS 0.00 %`."""
    return [
        (
            str(each.network),
            ", ".join(f"{figure.name} {paper_text(figure.paper, table.unit)}" for figure in each.figures) or "curves",
        )
        for each in table.missing
    ]


def count_words(lines: Sequence[ClaimLine]) -> str:
    """`12 hold, 3 do not hold, 4 are inconclusive`."""
    counts = [(sum(line.claim.outcome is outcome for line in lines), outcome) for outcome in Outcome]
    one = {Outcome.HOLDS: "holds", Outcome.FAILS: "does not hold", Outcome.UNDECIDED: "is inconclusive"}
    more = {Outcome.HOLDS: "hold", Outcome.FAILS: "do not hold", Outcome.UNDECIDED: "are inconclusive"}
    parts = [f"{count} {(one if count == 1 else more)[outcome]}" for count, outcome in counts if count]
    return ", ".join(parts) or "none applies"


def paper_words(found: Reproduction) -> str:
    """The paper with its title and link, and the version whose figures are quoted."""
    paper = SOURCES["Gupta & Ajanthan 2022"]
    return f"{paper.authors}: {paper.title}. {paper.venue}, {paper.link}; figures of {found.source}"


def page_title(found: Reproduction) -> str:
    """The table, or how many there are."""
    if len(found.tables) == 1:
        return table_title(found.tables[0])
    figures = sum(table.name.is_figure for table in found.tables)
    return f"{plural(len(found.tables) - figures, 'table')} and {plural(figures, 'figure')} of the paper"


def network_rows(found: Reproduction) -> list[tuple[str, str, str, str]]:
    """The networks that were run, each once, for `NETWORK_TITLES`."""
    models = {model.path: model for table in found.tables for model in table.models}
    return [
        (
            file_name(model.path),
            str(model.network),
            f"{plural(model.samples, 'image')} of {file_name(model.source)}",
            with_interval(model.clean),
        )
        for model in models.values()
    ]


def model_paths(found: Reproduction) -> list[str]:
    """The models that were run, each once."""
    return list(dict.fromkeys(model.path for table in found.tables for model in table.models))
