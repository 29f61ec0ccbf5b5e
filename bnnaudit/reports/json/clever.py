"""The JSON of `clever`: bnnaudit-clever/1."""

from bnnaudit.core.clever import Ball, CleverReport, CleverRow
from bnnaudit.reports.json.model import model_to_json
from bnnaudit.reports.json.parts import JsonObject, head, record

SCHEMA = "bnnaudit-clever/1"


def clever_to_json(report: CleverReport) -> JsonObject:
    """The settings, and each row's scores in units of the [0,1] image."""
    settings = report.settings
    return {
        **head(SCHEMA, report.provenance),
        "model": model_to_json(report.model),
        "data": record(report.data, "source", "samples", "sha256"),
        **record(report, "images", "surrogate"),
        **record(settings, "batches", "draws", "targets"),
        "radii": {str(ball): settings.radii[ball] for ball in Ball},
        "seconds": report.seconds,
        "rows": [_row(row) for row in report.rows],
    }


def _row(row: CleverRow) -> JsonObject:
    return {
        "function": "logits" if row.beta is None else "softmax",
        "beta": None if row.beta is None else str(row.beta),
        "beta_median": None if row.beta is None else row.beta_median,
        **{str(ball): record(score) for ball, score in row.scores.items()},
    }
