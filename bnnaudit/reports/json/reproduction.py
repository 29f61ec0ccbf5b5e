"""The JSON of `reproduce`: bnnaudit-reproduction/1, described by `schema/bnnaudit-reproduction-1.json`."""

from bnnaudit.core.report import Estimate
from bnnaudit.experiments.values import SOURCE, Claim, RadiusFigure, ReproducedModel, ReproducedRow, Reproduction
from bnnaudit.reports.attack_names import row_name
from bnnaudit.reports.json.model import model_to_json
from bnnaudit.reports.json.parts import data_to_json, head, interval
from bnnaudit.reports.json.strict import JsonValue

SCHEMA = "bnnaudit-reproduction/1"


def reproduction_to_json(found: Reproduction) -> dict[str, JsonValue]:
    """Accuracies are fractions, the paper's in percent as it prints them."""
    experiment = found.experiment
    return {
        **head(SCHEMA, found.provenance),
        "table": str(found.name),
        "title": experiment.title,
        "paper": {
            "measured_on": experiment.measured_on,
            "source": None if isinstance(experiment, RadiusFigure) else SOURCE,
        },
        "models": [_model(model) for model in found.models],
        "notes": list(found.notes),
    }


def _model(model: ReproducedModel) -> dict[str, JsonValue]:
    threat = model.threat
    return {
        "model": model_to_json(model.model),
        "kind": None if model.kind is None else str(model.kind),
        "data": data_to_json(model.data),
        "threat": None if threat is None else {"norm": str(threat.norm), "eps": threat.eps},
        "clean_accuracy": model.clean_accuracy.value,
        "columns": list(model.columns),
        "paper_columns": list(model.paper_columns),
        "rows": [_row(row) for row in model.rows],
        "claims": [_claim(claim) for claim in model.claims],
    }


def _row(row: ReproducedRow) -> dict[str, JsonValue]:
    settings = row.settings
    return {
        "name": row_name(row),
        "method": None if settings is None else str(settings.method),
        "beta": None if settings is None else str(settings.beta),
        "surrogate": None if settings is None else str(settings.surrogate),
        "cells": [_cell(cell) for cell in row.cells],
        "paper": list(row.paper),
        "seconds": row.seconds,
        "unable": row.unable or None,
    }


def _claim(claim: Claim) -> dict[str, JsonValue]:
    return {
        "claim": claim.statement,
        "outcome": str(claim.outcome),
        "figures": [
            {"row": row_name(figure.row), "column": figure.column, "cell": _cell(figure.value)}
            for figure in claim.figures
        ],
        "p_value": claim.p_value,
        "why": claim.why or None,
    }


def _cell(cell: Estimate | float) -> JsonValue:
    if isinstance(cell, Estimate):
        return {"value": cell.value, "ci95": interval(cell), "samples": cell.n}
    return cell
