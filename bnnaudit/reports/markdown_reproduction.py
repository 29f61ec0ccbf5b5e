"""The paper's tables and figures made again, as blocks of GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from bnnaudit.core.reproduction import Outcome, ReproducedModel, ReproducedTable, Reproduction
from bnnaudit.core.sources import SOURCES
from bnnaudit.reports.markdown_text import code, details, fenced, table, words
from bnnaudit.reports.numbers import duration, plural
from bnnaudit.reports.reproduction_words import (
    LEFT,
    NETWORK_TITLES,
    TITLES,
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
    row_words,
    table_title,
    unable_words,
)

PAPER = SOURCES["Gupta & Ajanthan 2022"]
_SIGNS = {Outcome.HOLDS: "**holds**", Outcome.FAILS: "**does not hold**", Outcome.UNDECIDED: "inconclusive"}


def reproduction_blocks(found: Reproduction) -> Iterator[str]:
    """How many claims hold, then table by table."""
    yield f"## {words(page_title(found))}"
    yield (
        words(f"{PAPER.authors}: {PAPER.title}. {PAPER.venue}") + f", <{PAPER.link}>; figures of {words(found.source)}"
    )
    run = f"{plural(len(model_paths(found)), 'network')}, {duration(found.seconds)} on {found.environment.device}"
    yield f"{words(run)}. Of the paper's claims, {count_words(claim_lines(found))}. {LEFT}"
    if len(found.tables) > 1:
        rows = [(code(name), *map(words, rest)) for name, *rest in network_rows(found)]
        yield table(NETWORK_TITLES, rows, (3,))
        yield _claims(found)
    for one in found.tables:
        yield from _table(one, len(found.tables) > 1)
    if found.unable:
        yield "**Not run**\n\n" + "\n".join(f"- {code(one.path)}: {words(one.why)}" for one in found.unable)
    yield details("How to repeat it", fenced(found.provenance.command))


def _claims(found: Reproduction) -> str:
    rows = [
        (words(line.table), words(line.statement), *(", ".join(map(code, names)) or "-" for names in line.models))
        for line in claims_by_statement(found)
    ]
    return table(("", "the paper's claim", "holds for", "does not hold for", "inconclusive for"), rows)


def _table(found: ReproducedTable, several: bool) -> Iterator[str]:
    if several:
        yield f"## {words(table_title(found))}"
    yield f"The paper: {words(found.measured_on)}."
    if not found.models:
        yield "No network available for it."
    for model in found.models:
        yield from _model(found, model)
    if found.missing:
        rows = [(words(name), words(figures)) for name, figures in missing_figures(found)]
        yield details(f"{plural(len(rows), 'network')} of the paper missing here", table(("network", "paper"), rows))
    if found.notes:
        yield "\n".join(f"- {words(note)}" for note in found.notes)


def _model(found: ReproducedTable, model: ReproducedModel) -> Iterator[str]:
    yield f"### {words(model_title(model))}"
    yield " ".join(words(part) for part in (f"{measured_on(model)}.", against_words(model, found)) if part)
    if found.panels:
        for panel in curve_tables(found, model):
            cells = [[words(cell) for cell in row] for row in panel.rows]
            yield f"**{words(panel.title)}**\n\n" + table(
                [words(title) for title in panel.head], cells, range(len(panel.head))
            )
    else:
        rows = [row_words(row, found.unit) for row in model.rows]
        cells = [
            [words(part) for part in (row.name, row.here, row.interval, row.paper, row.whole_difference, row.time)]
            for row in rows
        ]
        yield table(TITLES, cells, range(1, len(TITLES)))
    lines = [f"- {words(why)}" for why in unable_words(model)]
    lines += [
        f"- {words(claim.statement)} {_SIGNS[claim.outcome]}: {words(claim_words(claim, found.unit, said=False))}"
        for claim in model.claims
    ]
    if lines:
        yield "\n".join(lines)
