"""What the rows of a reproduced table say of the paper's claim: whether it holds on this model, and by which figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

import numpy as np

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.experiments.values import (
    AttackTable,
    Claim,
    ClaimFigure,
    CleverTable,
    Experiment,
    Outcome,
    PropagationTable,
    RadiusFigure,
    ReproducedModel,
    ReproducedRow,
)
from bnnaudit.rules.comparison import SIGNIFICANCE, Paired, compare

AT_LEAST_AS_STRONG = "PGD++ is at least as strong as every attack without a temperature."
LOWER_SCORES = "The mean CLEVER score is lower with NJS and with HNS than without a temperature."
AS_STRONG_AS_IPROP = "PGD++ is at least as strong as IPROP at every radius."


def claims_of(experiment: Experiment, model: ReproducedModel) -> tuple[Claim, ...]:
    """What the paper claims by this table, judged on the model's rows; nothing where the table claims nothing."""
    match experiment:
        case AttackTable():
            rivals = [row for row in model.rows if row.settings is not None and not _is_tempered(row)]
            return (_at_least_as_strong(AT_LEAST_AS_STRONG, model, rivals),)
        case RadiusFigure():
            rivals = [row for row in model.rows if row.settings is not None and row.settings.method is Method.IPROP]
            return (_at_least_as_strong(AS_STRONG_AS_IPROP, model, rivals),)
        case CleverTable():
            return (_lower_scores(model),)
        case PropagationTable():
            return ()
        case _:
            assert_never(experiment)


def _is_tempered(row: ReproducedRow) -> bool:
    return row.settings is not None and row.settings.beta.rule is not BetaRule.NONE


def _at_least_as_strong(statement: str, model: ReproducedModel, rivals: Sequence[ReproducedRow]) -> Claim:
    """The best PGD++ against the best rival in every column, image by image."""
    ours = [row for row in model.rows if _is_tempered(row) and row.settings and row.settings.method is Method.PGD]
    ours, others = ([row for row in side if row.standing] for side in (ours, rivals))
    if not ours or not others:
        return Claim(statement, Outcome.UNDECIDED, why="one of the two sides could not run")
    outcomes, figures, p_values = [], [], []
    for index, column in enumerate(model.columns):
        best, rival = (min(side, key=lambda row: sum(row.standing[index])) for side in (ours, others))
        figures += [ClaimFigure(row, column, row.cells[index]) for row in (best, rival)]
        pair = compare(*(np.array(row.standing[index]) for row in (rival, best)))
        outcomes.append(_judged(pair, len(ours), len(others)))
        p_values.append(pair.p_value)
    if Outcome.FAILS in outcomes:
        return Claim(statement, Outcome.FAILS, tuple(figures), min(p_values))
    decided = all(outcome is Outcome.HOLDS for outcome in outcomes)
    why = "" if decided else "each fools images that the other does not, too few to tell which is the stronger"
    return Claim(statement, Outcome.HOLDS if decided else Outcome.UNDECIDED, tuple(figures), min(p_values), why)


def _judged(pair: Paired, ours: int, others: int) -> Outcome:
    """Of a rival (first) and PGD++ (second): each side was chosen as its best, which its own p-value pays for (Bonferroni)."""
    if pair.only_first == 0 or (pair.gain > 0 and pair.p_among(ours) < SIGNIFICANCE):
        return Outcome.HOLDS
    return Outcome.FAILS if pair.gain < 0 and pair.p_among(others) < SIGNIFICANCE else Outcome.UNDECIDED


def _lower_scores(model: ReproducedModel) -> Claim:
    """By the means of the first column, as the paper has them."""
    rows = {row.label: row for row in model.rows if row.cells}
    named = [rows[label] for label in ("as it is", "NJS", "HNS") if label in rows]
    scores = [row.cells[0] for row in named]
    plain, *scaled = (score for score in scores if isinstance(score, float))
    if len(scaled) < 2:
        return Claim(LOWER_SCORES, Outcome.UNDECIDED, why="a row is missing")
    figures = tuple(ClaimFigure(row, model.columns[0], row.cells[0]) for row in named)
    return Claim(LOWER_SCORES, Outcome.HOLDS if max(scaled) < plain else Outcome.FAILS, figures)
