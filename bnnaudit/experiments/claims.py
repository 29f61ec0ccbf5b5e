"""What the rows of a reproduced table say of the paper's claim, in a sentence."""

from collections.abc import Sequence
from typing import assert_never

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.report import Estimate
from bnnaudit.core.surrogate import STRAIGHT_THROUGH
from bnnaudit.experiments.values import (
    AttackTable,
    CleverTable,
    Experiment,
    PropagationTable,
    RadiusFigure,
    ReproducedModel,
    ReproducedRow,
)
from bnnaudit.reports.attack_names import attack_name
from bnnaudit.reports.numbers import percent, significant


def claim(experiment: Experiment, model: ReproducedModel) -> str:
    """How the paper's method does on this model beside its rivals; empty where the table claims nothing, or a side is missing."""
    match experiment:
        case AttackTable():
            return _strongest(model.rows)
        case CleverTable():
            return _fall(model.rows, model.columns)
        case RadiusFigure():
            return _at_each_radius(model.rows, model.columns)
        case PropagationTable():
            return ""
        case _:
            assert_never(experiment)


def _strongest(rows: Sequence[ReproducedRow]) -> str:
    """`PGD++ leaves 1.5 % (HNS), the strongest of the others 3.0 % (PGD DLR).`"""
    ran = [(row, row.cells[0]) for row in rows if row.settings is not None and row.cells]
    found = [(row, cell.value) for row, cell in ran if isinstance(cell, Estimate)]
    ours = [(row, value) for row, value in found if _is_plus(row)]
    others = [(row, value) for row, value in found if not _is_tempered(row)]
    if not ours or not others:
        return ""
    (best, left), (rival, its) = (min(side, key=lambda entry: entry[1]) for side in (ours, others))
    assert best.settings is not None
    assert rival.settings is not None
    surrogate = best.settings.surrogate
    through = "" if surrogate == STRAIGHT_THROUGH else f", {surrogate}"
    rule = str(best.settings.beta).upper() + through
    return (
        f"PGD++ leaves {percent(left)} ({rule}), the strongest attack without a temperature {percent(its)} "
        f"({attack_name(rival.settings)})."
    )


def _is_tempered(row: ReproducedRow) -> bool:
    return row.settings is not None and row.settings.beta.rule is not BetaRule.NONE


def _is_plus(row: ReproducedRow) -> bool:
    return _is_tempered(row) and row.settings is not None and row.settings.method is Method.PGD


def _fall(rows: Sequence[ReproducedRow], columns: Sequence[str]) -> str:
    """`The L1 score, 0.859 as it is, falls with NJS (0.414) and with HNS (0.345).`"""
    scores = {row.label: row.cells[0] for row in rows if row.cells}
    plain, njs, hns = scores.get("as it is"), scores.get("NJS"), scores.get("HNS")
    if not (isinstance(plain, float) and isinstance(njs, float) and isinstance(hns, float)):
        return ""
    verbs = ["falls" if score < plain else "does not fall" for score in (njs, hns)]
    second = "" if verbs[0] == verbs[1] else f"{verbs[1]} "
    return (
        f"The {columns[0]} score, {significant(plain)} as it is, {verbs[0]} with NJS ({significant(njs)}) and "
        f"{second}with HNS ({significant(hns)})."
    )


def _at_each_radius(rows: Sequence[ReproducedRow], columns: Sequence[str]) -> str:
    """`PGD++ leaves no more than IPROP at every radius.`, or where it leaves more."""
    ours = [_values(row) for row in rows if _is_plus(row) and row.cells]
    rivals = [
        _values(row) for row in rows if row.settings is not None and row.settings.method is Method.IPROP and row.cells
    ]
    if not ours or not rivals:
        return ""
    best = [min(values) for values in zip(*ours, strict=True)]
    behind = [name for name, mine, theirs in zip(columns, best, rivals[0], strict=True) if mine > theirs]
    if not behind:
        return "PGD++ leaves no more than IPROP at every radius."
    return f"PGD++ leaves more than IPROP at {', '.join(behind)}."


def _values(row: ReproducedRow) -> list[float]:
    return [cell.value if isinstance(cell, Estimate) else cell for cell in row.cells]
