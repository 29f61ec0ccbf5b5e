"""What the rows of tables are called, whether this run has them or only the paper."""

from __future__ import annotations

from collections.abc import Mapping

from bnnaudit.core.report import SCALINGS
from bnnaudit.core.reproduction import TableName
from bnnaudit.experiments.lines import PAPER_RESTARTS, line_of
from bnnaudit.experiments.paper import paper

CLEAN = "clean"
QUANTITIES: Mapping[str, tuple[str, str]] = {
    "jsv mean": ("singular values of b J, mean", "jsv_mean"),
    "jsv std": ("singular values, std. dev.", "jsv_std"),
    "psi norm": ("error signal, ||psi||", "psi_norm"),
    "gradient norm": ("gradient, ||dl/dx||", "gradient_norm"),
    "sign norm": ("its signs, ||sign(dl/dx)||", "sign_norm"),
}
"""Quantities of Table 13, and the fields of a `SignalRow`."""


def row_name(table: TableName, key: str, restarts: int = PAPER_RESTARTS) -> str:
    """The name of a row; restarts: of the one that has many."""
    match table:
        case TableName.TABLE11:
            heuristic = f"b = {paper().clever.heuristic:g}"
            return {"original": "b = 1", "heuristic": heuristic, "njs": "NJS", "hns": "HNS"}[key]
        case TableName.TABLE13:
            quantity, _, scaling = key.rpartition(" ")
            title = next(words for field, words in SCALINGS.items() if field == scaling)
            return f"{QUANTITIES[quantity][0]}; {title}"
    return "no attack" if key == CLEAN else line_of(key, restarts).name
