"""The JSON of `reproduce`: bnnaudit-reproduction/1, described by `schema/bnnaudit-reproduction-1.json`."""

from bnnaudit.core.estimate import Estimate
from bnnaudit.experiments.values import SOURCE, Claim, RadiusFigure, ReproducedModel, ReproducedRow, Reproduction
from bnnaudit.reports.attack_names import row_name
from bnnaudit.reports.json.model import model_to_json
from bnnaudit.reports.json.parts import JsonObject, JsonValue, head, interval, record

SCHEMA = "bnnaudit-reproduction/1"


def reproduction_to_json(found: Reproduction) -> JsonObject:
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


def _model(model: ReproducedModel) -> JsonObject:
    threat = model.threat
    return {
        "model": model_to_json(model.model),
        "kind": None if model.kind is None else str(model.kind),
        "data": record(model.data, "source", "samples", "sha256"),
        "threat": None if threat is None else record(threat, "norm", "eps"),
        "clean_accuracy": model.clean_accuracy.value,
        **record(model, "columns", "paper_columns"),
        "rows": [_row(row) for row in model.rows],
        "claims": [_claim(claim) for claim in model.claims],
    }


def _row(row: ReproducedRow) -> JsonObject:
    attack = ("method", "beta", "surrogate")
    return {
        "name": row_name(row),
        **(dict.fromkeys(attack) if row.settings is None else record(row.settings, *attack)),
        "cells": [_cell(cell) for cell in row.cells],
        **record(row, "paper", "seconds"),
        "unable": row.unable or None,
    }


def _claim(claim: Claim) -> JsonObject:
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
