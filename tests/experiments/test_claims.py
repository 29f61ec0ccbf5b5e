"""What a reproduced table's rows say of the paper's claim, on rows made up for it."""

from __future__ import annotations

import pytest

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Fgsm, Iprop, LossKind, Pgd, Square
from bnnaudit.core.clever import Ball
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.report import DataFacts, Estimate
from bnnaudit.experiments.claims import claim
from bnnaudit.experiments.table import EXPERIMENTS
from bnnaudit.experiments.values import Experiment, ReproducedModel, ReproducedRow, TableName

NJS, HNS = Beta(BetaRule.NJS), Beta(BetaRule.HNS)


def attack(settings: AttackSettings, *left: float) -> ReproducedRow:
    cells = tuple(Estimate(value, 0.0, 1.0, 200) for value in left)
    return ReproducedRow("", cells, (), settings=settings)


def said(
    facts: ModelFacts, name: TableName, rows: list[ReproducedRow], columns: tuple[str, ...] = ("accuracy",)
) -> str:
    experiment: Experiment = EXPERIMENTS[name]
    data = DataFacts("toy", 200, "0" * 64)
    return claim(experiment, ReproducedModel(facts, data, None, None, Estimate(1, 1, 1, 200), columns, (), tuple(rows)))


def test_the_best_of_ours_stands_beside_the_best_without_a_temperature(facts: ModelFacts) -> None:
    rows = [
        attack(Pgd(), 0.75),
        attack(Pgd(loss=LossKind.DLR), 0.03),
        attack(Fgsm(beta=HNS), 0.001),
        attack(Pgd(beta=NJS), 0.04),
        attack(Pgd(beta=HNS), 0.015),
        ReproducedRow("", (), (), settings=Square(), unable="not here"),
    ]
    words = "PGD++ leaves 1.5 % (HNS), the strongest attack without a temperature 3.0 % (PGD DLR)."
    assert said(facts, TableName.TABLE8, rows) == words
    assert said(facts, TableName.TABLE8, rows[:3]) == ""


@pytest.mark.parametrize(
    ("njs", "hns", "words"),
    [
        (0.414, 0.345, "The L1 score, 0.859 as it is, falls with NJS (0.414) and with HNS (0.345)."),
        (0.9, 0.345, "The L1 score, 0.859 as it is, does not fall with NJS (0.9) and falls with HNS (0.345)."),
    ],
)
def test_scores_fall_or_do_not(facts: ModelFacts, njs: float, hns: float, words: str) -> None:
    scores = {"as it is": 0.859, "b = 0.01": 3.0, "NJS": njs, "HNS": hns}
    rows = [ReproducedRow(label, (score, 1.0, 1.0), ()) for label, score in scores.items()]
    columns = tuple(str(ball).upper() for ball in Ball)
    assert said(facts, TableName.TABLE11, rows, columns) == words
    assert said(facts, TableName.TABLE11, rows[:3], columns) == ""


def test_a_figure_names_the_radii_at_which_it_is_behind(facts: ModelFacts) -> None:
    rows = [
        attack(Pgd(), 0.1, 0.1, 0.1),
        attack(Pgd(beta=NJS), 0.8, 0.7, 0.3),
        attack(Pgd(beta=NJS, restarts=10), 0.9, 0.6, 0.2),
        attack(Iprop(), 0.85, 0.6, 0.15),
    ]
    columns = ("0.01", "0.02", "0.05")
    assert said(facts, TableName.FIGURE2, rows, columns) == "PGD++ leaves more than IPROP at 0.05."
    ahead = [*rows[:3], attack(Iprop(), 0.85, 0.6, 0.25)]
    assert said(facts, TableName.FIGURE2, ahead, columns) == "PGD++ leaves no more than IPROP at every radius."
    assert said(facts, TableName.FIGURE2, rows[:3], columns) == ""


def test_signal_propagation_claims_nothing(facts: ModelFacts) -> None:
    assert said(facts, TableName.TABLE13, []) == ""
