"""What a reproduced table's rows say of the paper's claim, on rows made up for it."""

from __future__ import annotations

import pytest

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Fgsm, Iprop, LossKind, Pgd, Square
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat
from bnnaudit.core.report import DataFacts
from bnnaudit.core.threat import Box
from bnnaudit.experiments.claims import claims_of
from bnnaudit.experiments.table import EXPERIMENTS
from bnnaudit.experiments.values import Claim, Outcome, ReproducedModel, ReproducedRow, TableName

NJS, HNS = Beta(BetaRule.NJS), Beta(BetaRule.HNS)
IMAGES = 40
IPROP = Iprop()


@pytest.fixture
def facts() -> ModelFacts:
    return ModelFacts("m.onnx", "0" * 64, ModelFormat.ONNX, 3, (4,), Layout.FLAT, Box())


def attack(settings: AttackSettings, *left: set[int]) -> ReproducedRow:
    """An attack that leaves these images of 40, in each column."""
    cells = tuple(Estimate(len(images) / IMAGES, 0.0, 1.0, IMAGES) for images in left)
    standing = tuple(tuple(index in images for index in range(IMAGES)) for images in left)
    return ReproducedRow("", cells, (), settings=settings, standing=standing)


def judged(
    facts: ModelFacts, name: TableName, rows: list[ReproducedRow], columns: tuple[str, ...] = ("accuracy",)
) -> tuple[Claim, ...]:
    data, clean = DataFacts("toy", IMAGES, "0" * 64), Estimate(1, 1, 1, IMAGES)
    return claims_of(EXPERIMENTS[name], ReproducedModel(facts, data, None, None, clean, columns, (), tuple(rows)))


def first(count: int) -> set[int]:
    return set(range(count))


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"),
    [
        (first(0), first(0), Outcome.HOLDS),  # the same images
        (first(30), first(30), Outcome.HOLDS),
        (first(3), first(4), Outcome.HOLDS),  # nothing that only the rival fools
        ({39}, first(10), Outcome.HOLDS),  # significant: 10 against 1, p = 0.0117, twice for the best of two
        ({39}, first(3), Outcome.UNDECIDED),  # 3 against 1
        (first(4), first(2), Outcome.UNDECIDED),  # 0 against 2, p = 0.5
        (first(9), set(), Outcome.FAILS),  # 0 against 9, p = 0.0039, twice for the best of two
    ],
)
def test_the_best_of_ours_is_held_against_the_best_without_a_temperature(
    facts: ModelFacts, ours: set[int], theirs: set[int], outcome: Outcome
) -> None:
    best, rival = attack(Pgd(beta=HNS), ours), attack(Pgd(loss=LossKind.DLR), theirs)
    rows = [
        attack(Pgd(), first(40)),
        rival,
        attack(Fgsm(beta=HNS), set()),  # not PGD++
        attack(Pgd(beta=NJS), first(38) | {39}),
        best,
        ReproducedRow("", (), (), settings=Square(), unable="not here"),
    ]
    (claim,) = judged(facts, TableName.TABLE8, rows)
    assert claim.outcome is outcome
    assert [figure.row for figure in claim.figures] == [best, rival]
    assert [figure.value for figure in claim.figures] == [best.cells[0], rival.cells[0]]
    assert bool(claim.why) == (outcome is Outcome.UNDECIDED)


def test_without_one_of_the_sides_it_cannot_be_told(facts: ModelFacts) -> None:
    rows = [attack(Pgd(), first(3)), attack(Fgsm(beta=HNS), set())]
    (claim,) = judged(facts, TableName.TABLE8, rows)
    assert (claim.outcome, claim.figures, claim.p_value) == (Outcome.UNDECIDED, (), None)


@pytest.mark.parametrize(
    ("njs", "hns", "outcome"),
    [(0.414, 0.345, Outcome.HOLDS), (0.9, 0.345, Outcome.FAILS), (0.414, 0.859, Outcome.FAILS)],
)
def test_scores_are_lower_with_both_or_not(facts: ModelFacts, njs: float, hns: float, outcome: Outcome) -> None:
    scores = {"as it is": 0.859, "b = 0.01": 3.0, "NJS": njs, "HNS": hns}
    rows = [ReproducedRow(label, (score, 1.0, 1.0), ()) for label, score in scores.items()]
    (claim,) = judged(facts, TableName.TABLE11, rows, ("L1", "L2", "L-inf"))
    assert claim.outcome is outcome
    assert [figure.value for figure in claim.figures] == [0.859, njs, hns]
    (claim,) = judged(facts, TableName.TABLE11, rows[:3], ("L1", "L2", "L-inf"))
    assert claim.outcome is Outcome.UNDECIDED


def test_a_figure_holds_only_at_every_radius(facts: ModelFacts) -> None:
    ours = attack(Pgd(beta=NJS), first(30), first(20), first(9))
    columns = ("0.01", "0.02", "0.05")

    def outcome(*theirs: set[int]) -> Outcome:
        (claim,) = judged(
            facts, TableName.FIGURE2, [attack(Pgd(), *[set()] * 3), ours, attack(IPROP, *theirs)], columns
        )
        assert [figure.column for figure in claim.figures] == [column for column in columns for _ in range(2)]
        return claim.outcome

    assert outcome(first(30), first(20), first(9)) is Outcome.HOLDS
    assert outcome(first(30), first(19), first(9)) is Outcome.UNDECIDED
    assert outcome(first(30), first(20), set()) is Outcome.FAILS


def test_signal_propagation_claims_nothing(facts: ModelFacts) -> None:
    assert judged(facts, TableName.TABLE13, []) == ()
