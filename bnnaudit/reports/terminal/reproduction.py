"""The text and the JSON of `reproduce`: this run beside the paper's figures."""

from collections.abc import Sequence
from typing import assert_never

from rich.console import RenderableType
from rich.table import Table

from bnnaudit.core.attack import AttackSettings, BetaRule, Method
from bnnaudit.core.report import Estimate
from bnnaudit.experiments.claims import claim
from bnnaudit.experiments.values import (
    AttackTable,
    CleverTable,
    PropagationTable,
    RadiusFigure,
    ReproducedModel,
    ReproducedRow,
    Reproduction,
)
from bnnaudit.reports.attack_names import attack_name, effort, surrogate_name
from bnnaudit.reports.json.model import model_to_json
from bnnaudit.reports.json.strict import JsonValue
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
from bnnaudit.reports.terminal.style import Look, choose_look, draw
from bnnaudit.reports.terminal.typesetting import INDENT, heading, indented, labelled

SCHEMA = "bnnaudit-reproduction/1"
_RULES = {BetaRule.NJS: "NJS", BetaRule.HNS: "HNS"}


def render_reproduction(
    found: Reproduction, *, width: int | None = None, color: bool = False, ascii: bool = False
) -> str:
    """One block for each model, under what the paper measured."""
    look = choose_look(width, color, ascii)
    blocks = [part for model in found.models for part in _block(found, model, look)]
    return draw([*_overview(found, look), *blocks, *_notes(found, look)], look)


def title(found: Reproduction) -> str:
    """`Table 10 of [Gupta & Ajanthan 2022]`."""
    word = str(found.name)
    kind = "Figure" if word.startswith("figure") else "Table"
    return f"{kind} {word.removeprefix(kind.lower())} of [Gupta & Ajanthan 2022]"


def _overview(found: Reproduction, look: Look) -> Sequence[RenderableType]:
    experiment = found.experiment
    rows = [("The paper", experiment.measured_on)]
    if not isinstance(experiment, RadiusFigure):
        rows.append(("Its figures", f"from {experiment.source}"))
    return [
        look.text(f"{title(found)}: {experiment.title}", "bold"),
        labelled((label, look.text(words)) for label, words in rows),
    ]


def _block(found: Reproduction, model: ReproducedModel, look: Look) -> Sequence[RenderableType]:
    measured = [f"{model.data.source}, {plural(model.data.samples, 'image')}"]
    if model.threat is not None and not isinstance(found.experiment, RadiusFigure):
        measured.append(threat_text(model.threat))
    measured.append(f"clean {with_interval(model.clean_accuracy)}")
    kind = "of a kind that the file does not tell" if model.kind is None else str(model.kind)
    unable = [row for row in model.rows if row.unable]
    return [
        heading(f"{model.model.path} ({kind})", look),
        indented(look.text("; ".join(measured), "dim")),
        indented(_table(found, model, look)),
        *(indented(look.text(f"{row_name(row)}: {row.unable}", "yellow")) for row in unable),
        *(indented(look.text(words)) for words in [claim(found.experiment, model)] if words),
    ]


def _table(found: Reproduction, model: ReproducedModel, look: Look) -> Table:
    attacks = isinstance(found.experiment, AttackTable | RadiusFigure)
    single = isinstance(found.experiment, AttackTable)
    titles = [column for name in model.columns for column in ((name, "95 %") if single else (name,))]
    paper = [f"paper:\n{column}" if column else "paper" for column in model.paper_columns or ("",)]
    heads = [*(["steps"] if attacks else []), *titles, *(["time"] if attacks else []), *paper]
    rows = [_texts(row, model, attacks, single) for row in model.rows]
    word = max((len(part) for texts in rows for part in texts[0].split()), default=0)
    others = [max(map(len, lines)) for lines in zip(*(_lines(heads), *(texts[1:] for texts in rows)), strict=True)]
    gap = 2 if INDENT + word + sum(others) + 2 * len(others) <= look.width else 1
    table = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("attack" if attacks else "", min_width=word, overflow="fold", vertical="bottom")
    for column in heads:
        table.add_column(column, justify="right", vertical="bottom")
    for texts in rows:
        table.add_row(*(look.text(text) for text in texts))
    return table


def _lines(heads: Sequence[str]) -> list[str]:
    """The longest line of each head."""
    return [max(head.split("\n"), key=len) for head in heads]


def _texts(row: ReproducedRow, model: ReproducedModel, attacks: bool, single: bool) -> list[str]:
    texts = [row_name(row)]
    if row.settings is not None:
        texts.append(effort(row.settings))
    for index in range(len(model.columns)):
        cell = row.cells[index] if index < len(row.cells) else None
        texts.append(_cell(cell))
        if single:
            texts.append(interval(cell) if isinstance(cell, Estimate) else MISSING)
    if attacks:
        texts.append(MISSING if row.seconds is None else duration(row.seconds))
    for index in range(max(1, len(model.paper_columns))):
        figure = row.paper[index] if index < len(row.paper) else None
        texts.append(_paper(figure, attacks))
    return texts


def row_name(row: ReproducedRow) -> str:
    """`PGD++ NJS`, with the surrogate where it is not the straight-through one; other rows have their label."""
    settings = row.settings
    if settings is None:
        return row.label
    rule = settings.beta.rule
    name = attack_name(settings) + ("" if rule is BetaRule.NONE else f" {_RULES.get(rule, settings.beta)}")
    narrow = surrogate_name(settings) not in (MISSING, str(AttackSettings().surrogate))
    return f"{name}, {settings.surrogate}" if narrow else name


def _cell(cell: Estimate | float | None) -> str:
    match cell:
        case None:
            return MISSING
        case Estimate():
            return percent(cell.value)
        case _:
            return significant(cell)


def _paper(figure: float | None, attacks: bool) -> str:
    if figure is None:
        return MISSING
    return f"{figure:.2f} %" if attacks else significant(figure, 4)


def _notes(found: Reproduction, look: Look) -> Sequence[RenderableType]:
    notes = [*_meaning(found), *found.notes]
    lacks = [not model.paper_columns or any(None in row.paper for row in model.rows) for model in found.models]
    if any(lacks):
        notes.append("A dash: the paper has no such network or row, or its figure was not to be had.")
    return ["", *(look.text(note, "dim") for note in notes)]


def _meaning(found: Reproduction) -> list[str]:
    match found.experiment:
        case AttackTable() | RadiusFigure():
            notes = ["Accuracy left under attack, each success replayed on the deployed model; steps x restarts."]
            attacks = [row.settings for model in found.models for row in model.rows if row.settings is not None]
            if any(settings.method.searches for settings in attacks):
                notes.append("q: queries, forward passes an image.")
            if any(settings.method is Method.AUTO for settings in attacks):
                notes.append("g: gradient evaluations an image, at most.")
            return notes
        case CleverTable():
            return ["Mean CLEVER score of softmax(b a) in the [0,1] image: the estimated distance that is safe."]
        case PropagationTable():
            return ["Means over the images that are classified correctly, 100 at most."]
        case _:
            assert_never(found.experiment)


def reproduction_to_json(found: Reproduction) -> dict[str, JsonValue]:
    """bnnaudit-reproduction/1: accuracies are fractions, the paper's in percent as it prints them."""
    experiment = found.experiment
    return {
        "schema": SCHEMA,
        "tool": {"name": "bnnaudit", "version": found.provenance.version},
        "created": found.provenance.created,
        "command": found.provenance.command,
        "table": str(found.name),
        "title": experiment.title,
        "paper": {
            "measured_on": experiment.measured_on,
            "source": None if isinstance(experiment, RadiusFigure) else experiment.source,
        },
        "models": [_model(model) for model in found.models],
        "notes": list(found.notes),
    }


def _model(model: ReproducedModel) -> dict[str, JsonValue]:
    threat = model.threat
    return {
        "model": model_to_json(model.model),
        "kind": None if model.kind is None else str(model.kind),
        "data": {"source": model.data.source, "samples": model.data.samples, "sha256": model.data.sha256},
        "threat": None if threat is None else {"norm": str(threat.norm), "eps": threat.eps},
        "clean_accuracy": model.clean_accuracy.value,
        "columns": list(model.columns),
        "paper_columns": list(model.paper_columns),
        "rows": [_row(row) for row in model.rows],
    }


def _row(row: ReproducedRow) -> dict[str, JsonValue]:
    settings = row.settings
    return {
        "name": row_name(row),
        "method": None if settings is None else str(settings.method),
        "beta": None if settings is None else str(settings.beta),
        "surrogate": None if settings is None else str(settings.surrogate),
        "cells": [_cell_to_json(cell) for cell in row.cells],
        "paper": list(row.paper),
        "seconds": row.seconds,
        "unable": row.unable or None,
    }


def _cell_to_json(cell: Estimate | float) -> JsonValue:
    if isinstance(cell, Estimate):
        return {"value": cell.value, "ci95": [cell.low, cell.high], "samples": cell.n}
    return cell
