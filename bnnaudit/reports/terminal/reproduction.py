"""The paper's tables and figures made again, for the terminal: this run beside the paper's figures."""

from __future__ import annotations

from bnnaudit.core.reproduction import Outcome, ReproducedModel, ReproducedTable, Reproduction
from bnnaudit.reports.numbers import duration, plural
from bnnaudit.reports.page import Page
from bnnaudit.reports.reproduction_words import (
    LEFT,
    TITLES,
    against_words,
    claim_lines,
    claim_words,
    count_words,
    curve_tables,
    measured_on,
    missing_words,
    model_paths,
    model_title,
    page_title,
    paper_words,
    row_words,
    table_title,
    unable_words,
)
from bnnaudit.reports.terminal.typesetting import Column, Parts, heading, indented, labelled, table

_STYLES = {Outcome.HOLDS: "green", Outcome.FAILS: "red", Outcome.UNDECIDED: "yellow"}


def reproduction_parts(found: Reproduction, page: Page) -> Parts:
    """The tables one below the other, each model of them in a block of its own."""
    several = len(found.tables) > 1
    blocks = [part for one in found.tables if one.models or not several for part in _table(one, page, several)]
    empty = [one.name.shown for one in found.tables if not one.models]
    rest = [f"No network available for {', '.join(empty)}."] if several and empty else []
    rest += [f"Not run: {one.path}: {one.why}" for one in found.unable]
    rest.append(LEFT)
    return [*_overview(found, page), *blocks, "", *(page.text(words, "dim") for words in rest)]


def _overview(found: Reproduction, page: Page) -> Parts:
    lines = claim_lines(found)
    rows = [("Paper", paper_words(found))]
    if len(found.tables) == 1:
        rows.append(("Measured on", found.tables[0].measured_on))
    rows += [
        (
            "Here",
            f"{plural(len(model_paths(found)), 'network')}, {duration(found.seconds)} on {found.environment.device}",
        ),
        ("Claims", count_words(lines)),
    ]
    return [page.text(page_title(found), "bold"), labelled((label, page.text(words)) for label, words in rows)]


def _table(found: ReproducedTable, page: Page, several: bool) -> Parts:
    title = [heading(table_title(found), page)] if several else []
    blocks = [part for model in found.models for part in _block(found, model, page, several)]
    notes = [missing_words(found), *found.notes]
    return [*title, *blocks, *(indented(page.text(note, "dim")) for note in notes if note)]


def _block(found: ReproducedTable, model: ReproducedModel, page: Page, several: bool) -> Parts:
    title = page.text(f"\n{model_title(model)}", "bold") if several else heading(model_title(model), page)
    facts = [measured_on(model), against_words(model, found)]
    return [
        title,
        *(indented(page.text(words, "dim")) for words in facts if words),
        *(_curves(found, model, page) if found.panels else [table(_columns(found, model, page), page)]),
        *(indented(page.text(words, "yellow")) for words in unable_words(model)),
        *(indented(part) for part in _claims(found, model, page)),
    ]


def _claims(found: ReproducedTable, model: ReproducedModel, page: Page) -> Parts:
    """What the paper claims, and whether it holds in this run."""
    return [
        part
        for claim in model.claims
        for part in (
            page.text(f"The paper's claim: {claim.statement}"),
            page.text(claim_words(claim, found.unit), _STYLES[claim.outcome]),
        )
    ]


def _columns(found: ReproducedTable, model: ReproducedModel, page: Page) -> list[Column]:
    """Where the paper has no such network, its columns are left out."""
    rows = [row_words(row, found.unit) for row in model.rows]
    cells = {
        "": [row.name for row in rows],
        "here": [row.here for row in rows],
        "95 %": [row.interval for row in rows],
        "paper": [row.paper for row in rows],
        "difference": [row.difference for row in rows],
        "time": [row.time for row in rows],
    }
    if all(row.seconds is None for row in model.rows):
        del cells["time"]
    spare = {"time": 3, "95 %": 2, "difference": 1}
    styles = {"95 %": "dim", "time": "dim"}
    return [
        Column(
            title,
            [page.text(words, styles.get(title, "")) for words in cells[title]],
            right=bool(title),
            wraps=not title,
            spare=spare.get(title, 0),
        )
        for title in TITLES
        if title in cells
    ]


def _curves(found: ReproducedTable, model: ReproducedModel, page: Page) -> Parts:
    parts: list[object] = []
    for panel in curve_tables(found, model):
        columns = [
            Column(title, [page.text(row[index]) for row in panel.rows], right=True, wraps=bool(index), spare=0)
            for index, title in enumerate(panel.head)
        ]
        parts += [indented(page.text(panel.title, "bold")), table(columns, page)]
    return parts  # type: ignore[return-value]
