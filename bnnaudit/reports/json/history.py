"""A history as JSON: bnnaudit-history/1, described by `schema/bnnaudit-history-1.json`."""

from bnnaudit.core.history import History, KeptRelease, Series
from bnnaudit.reports.json.attack_row import threat_to_json
from bnnaudit.reports.json.parts import JsonObject, head, record

SCHEMA = "bnnaudit-history/1"


def history_to_json(history: History) -> JsonObject:
    """Every model under every threat, the oldest release first."""
    return {
        **head(SCHEMA, history.provenance),
        "folder": history.folder,
        "name": history.name or None,
        "series": [_series(series) for series in history.series],
        **record(history, "skipped"),
    }


def _series(series: Series) -> JsonObject:
    return {
        "model": series.model,
        "threat": threat_to_json(series.threat),
        "releases": [_release(kept) for kept in series.releases],
    }


def _release(kept: KeptRelease) -> JsonObject:
    return {"file": kept.file, "exit_code": int(kept.exit_code), **record(kept.release)}
