"""The paper's tables and figures made again, as what one page shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from markupsafe import Markup

from bnnaudit.core.reproduction import Outcome, ReproducedModel, ReproducedTable, Reproduction
from bnnaudit.reports.figure_svg import figure_svg
from bnnaudit.reports.html.room import Room
from bnnaudit.reports.numbers import duration, plural
from bnnaudit.reports.reproduction_words import (
    LEFT,
    NETWORK_TITLES,
    CurveTable,
    RowWords,
    StatementLine,
    against_words,
    claim_lines,
    claim_words,
    claims_by_statement,
    count_words,
    curve_tables,
    measured_on,
    missing_figures,
    model_paths,
    model_title,
    network_rows,
    page_title,
    paper_words,
    row_words,
    table_title,
    unable_words,
)

TONES = {Outcome.HOLDS: "good", Outcome.FAILS: "bad", Outcome.UNDECIDED: "open"}
ANSWERS = {Outcome.HOLDS: "holds", Outcome.FAILS: "does not hold", Outcome.UNDECIDED: "inconclusive"}


@dataclass(frozen=True, slots=True)
class ClaimView:
    """A claim, its answer, and the figures that it is judged by."""

    statement: str
    answer: str
    tone: str
    figures: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """A model's part of a table. picture: of a figure, empty where it has no room; curves: the same as numbers."""

    title: str
    facts: tuple[str, ...]
    rows: tuple[RowWords, ...]
    total: int
    picture: Markup
    curves: tuple[CurveTable, ...]
    unable: tuple[str, ...]
    claims: tuple[ClaimView, ...]


@dataclass(frozen=True, slots=True)
class TableView:
    """A table or figure; total: of the models, of which there may be room for some only."""

    key: str
    title: str
    measured_on: str
    models: tuple[ModelView, ...]
    total: int
    missing: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReproductionView:
    """The page: the networks, which claims hold, then every table. titles: of the columns of the networks."""

    title: str
    facts: tuple[str, ...]
    titles: tuple[str, ...]
    networks: tuple[tuple[str, ...], ...]
    claims: tuple[StatementLine, ...]
    tables: tuple[TableView, ...]
    unable: tuple[tuple[str, str], ...]


def reproduction_view(found: Reproduction, room: Room) -> ReproductionView:
    """As much as there is room for."""
    drawn = count()
    run = f"{plural(len(model_paths(found)), 'network')}, {duration(found.seconds)} on {found.environment.device}"
    claims = f"Of the paper's claims, {count_words(claim_lines(found))}."
    return ReproductionView(
        title=page_title(found),
        facts=(paper_words(found), f"{run}. {claims} {LEFT}"),
        titles=NETWORK_TITLES,
        networks=tuple(network_rows(found)),
        claims=tuple(claims_by_statement(found)),
        tables=tuple(_table(table, room, drawn) for table in found.tables),
        unable=tuple((one.path, one.why) for one in found.unable),
    )


def _table(table: ReproducedTable, room: Room, drawn: Iterator[int]) -> TableView:
    return TableView(
        key=str(table.name),
        title=table_title(table),
        measured_on=table.measured_on,
        models=tuple(_model(table, model, room, drawn) for model in table.models[: room.reports]),
        total=len(table.models),
        missing=tuple(missing_figures(table)),
        notes=table.notes,
    )


def _model(table: ReproducedTable, model: ReproducedModel, room: Room, drawn: Iterator[int]) -> ModelView:
    has_points = any(row.x is not None for row in model.rows)
    shown = bool(table.panels) and has_points and next(drawn) < room.rows
    rows = () if table.panels else tuple(row_words(row, table.unit) for row in model.rows[: room.entries])
    return ModelView(
        title=model_title(model),
        facts=tuple(words for words in (measured_on(model), against_words(model, table)) if words),
        rows=rows,
        total=0 if table.panels else len(model.rows),
        picture=Markup(figure_svg(table, model)) if shown else Markup(),
        curves=tuple(curve_tables(table, model)),
        unable=tuple(unable_words(model)),
        claims=tuple(
            ClaimView(
                claim.statement,
                ANSWERS[claim.outcome],
                TONES[claim.outcome],
                claim_words(claim, table.unit, said=False),
            )
            for claim in model.claims
        ),
    )
