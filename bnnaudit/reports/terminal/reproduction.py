"""Reproduced tables for the terminal: this run beside the paper's figures."""

from typing import assert_never

from bnnaudit.core.attack import Method
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.sources import SOURCES
from bnnaudit.experiments.values import (
    SOURCE,
    AttackTable,
    Claim,
    CleverTable,
    Outcome,
    PropagationTable,
    RadiusFigure,
    ReproducedModel,
    ReproducedRow,
    Reproduction,
)
from bnnaudit.reports.attack_names import effort, row_name
from bnnaudit.reports.numbers import (
    MISSING,
    duration,
    interval,
    percent,
    plural,
    significant,
    threat_text,
    with_interval,
)
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.typesetting import Column, Parts, heading, indented, labelled, table

_OUTCOMES = {
    Outcome.HOLDS: ("Holds here", "green"),
    Outcome.FAILS: ("Does not hold here", "red"),
    Outcome.UNDECIDED: ("Undecided here", "yellow"),
}


def reproduction_parts(found: Reproduction, page: Page) -> Parts:
    """One block for each model, under what the paper measured."""
    blocks = [part for model in found.models for part in _block(found, model, page)]
    return [*_overview(found, page), *blocks, "", *(page.text(note, "dim") for note in _notes(found))]


def _overview(found: Reproduction, page: Page) -> Parts:
    experiment, word = found.experiment, str(found.name)
    kind = "Figure" if word.startswith("figure") else "Table"
    paper = SOURCES["Gupta & Ajanthan 2022"]
    rows = [
        ("Paper", f"{paper.authors}: {paper.title}. {paper.venue}, {paper.link}"),
        ("Measured on", experiment.measured_on),
    ]
    if not isinstance(experiment, RadiusFigure):
        rows.append(("Figures", f"from {SOURCE}"))
    return [
        page.text(f"{kind} {word.removeprefix(kind.lower())}: {experiment.title}", "bold"),
        labelled((label, page.text(words)) for label, words in rows),
    ]


def _block(found: Reproduction, model: ReproducedModel, page: Page) -> Parts:
    measured = [f"{model.data.source}, {plural(model.data.samples, 'image')}"]
    if model.threat is not None and not isinstance(found.experiment, RadiusFigure):
        measured.append(threat_text(model.threat))
    measured.append(f"clean {with_interval(model.clean_accuracy)}")
    unable = [row for row in model.rows if row.unable]
    return [
        heading(f"{model.model.path} ({model.kind or 'kind not known'})", page),
        indented(page.text("; ".join(measured), "dim")),
        table(_columns(found, model, page), page),
        *(indented(page.text(f"{row_name(row)}: {row.unable}", "yellow")) for row in unable),
        *(indented(line) for claim in model.claims for line in _claim_lines(claim, page)),
    ]


def _claim_lines(claim: Claim, page: Page) -> Parts:
    """What the paper claims, and what this run says of it: `Holds here: PGD++ HNS 0.0 %, PGD DLR 10.0 % (McNemar p = 0.5).`"""
    words, style = _OUTCOMES[claim.outcome]
    several = len({figure.column for figure in claim.figures}) > 1
    figures = [
        f"{row_name(figure.row)}{f' at {figure.column}' if several else ''} {_cell(figure.value)}"
        for figure in claim.figures
    ]
    p_value = "" if claim.p_value is None else f" (McNemar p = {significant(claim.p_value, 2)})"
    parts = [words, ", ".join(figures) + p_value, claim.why]
    return [
        page.text(f"The paper's claim: {claim.statement}"),
        page.text(": ".join(part for part in parts if part) + ".", style),
    ]


def _columns(found: Reproduction, model: ReproducedModel, page: Page) -> list[Column]:
    attacks = isinstance(found.experiment, AttackTable | RadiusFigure)
    columns = [Column("attack" if attacks else "", [page.text(row_name(row)) for row in model.rows], wraps=True)]
    if attacks:
        efforts = [MISSING if row.settings is None else effort(row.settings) for row in model.rows]
        columns.append(Column("steps", [page.text(words) for words in efforts], right=True, spare=1))
    for index, title in enumerate(model.columns):
        cells = [row.cells[index] if index < len(row.cells) else None for row in model.rows]
        columns.append(Column(title, [page.text(_cell(cell)) for cell in cells], right=True))
        if isinstance(found.experiment, AttackTable):
            columns.append(Column("95 %", [page.text(_interval(cell), "dim") for cell in cells], right=True, spare=2))
    if attacks:
        times = [MISSING if row.seconds is None else duration(row.seconds) for row in model.rows]
        columns.append(Column("time", [page.text(words) for words in times], right=True, spare=3))
    return [*columns, *_paper_columns(model, attacks, page)]


def _paper_columns(model: ReproducedModel, attacks: bool, page: Page) -> list[Column]:
    spare = 0 if attacks else 1
    titles = [f"paper:\n{title}" for title in model.paper_columns] or ["paper"]
    return [
        Column(title, [page.text(_paper(row, index, attacks)) for row in model.rows], right=True, spare=spare)
        for index, title in enumerate(titles)
    ]


def _paper(row: ReproducedRow, index: int, attacks: bool) -> str:
    figure = row.paper[index] if index < len(row.paper) else None
    if figure is None:
        return MISSING
    return f"{figure:.2f} %" if attacks else significant(figure, 4)


def _cell(cell: Estimate | float | None) -> str:
    if isinstance(cell, Estimate):
        return percent(cell.value)
    return MISSING if cell is None else significant(cell)


def _interval(cell: Estimate | float | None) -> str:
    return interval(cell) if isinstance(cell, Estimate) else MISSING


def _notes(found: Reproduction) -> list[str]:
    notes = [*_meaning(found), *found.notes]
    if any(not model.paper_columns or any(None in row.paper for row in model.rows) for model in found.models):
        notes.append("-: the paper has no such network or row, or its figure could not be found.")
    return notes


def _meaning(found: Reproduction) -> list[str]:
    match found.experiment:
        case AttackTable() | RadiusFigure():
            notes = ["Accuracy left by each attack, each success replayed on the deployed model; steps x restarts."]
            attacks = [row.settings for model in found.models for row in model.rows if row.settings is not None]
            if any(settings.method.searches for settings in attacks):
                notes.append("q: queries (forward passes) per image.")
            if any(settings.method is Method.AUTO for settings in attacks):
                notes.append("g: gradients per image, at most.")
            return notes
        case CleverTable():
            return ["Mean CLEVER score of softmax(b a) in units of the [0,1] image: the estimated safe distance."]
        case PropagationTable():
            return ["Means over the images that are classified correctly, 100 at most."]
        case _:
            assert_never(found.experiment)
