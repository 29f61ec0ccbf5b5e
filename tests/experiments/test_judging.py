"""Each kind of claim on rows made up for it: it holds, it does not, and it cannot be told from so few images."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from bnnaudit.core.reproduction import Claim, Outcome, ReproducedRow
from bnnaudit.experiments.found import Found, share_of
from bnnaudit.experiments.judging import Judge

IMAGES = 200
HOLDS, FAILS, UNDECIDED = Outcome


def judge(rows: Mapping[str, set[int]], images: int = IMAGES) -> Judge:
    """Attacks that leave these images of so many."""
    values = {key: np.array([index in left for index in range(images)]) for key, left in rows.items()}
    made = [ReproducedRow(key, key.upper(), cell=share_of(right)) for key, right in values.items()]
    return Judge(Found(tuple(made), values))


def first(count: int) -> set[int]:
    return set(range(count))


def last(count: int) -> set[int]:
    return set(range(IMAGES - count, IMAGES))


def names(claim: Claim) -> list[str]:
    return [figure.name for figure in claim.figures]


@pytest.mark.parametrize(
    ("left", "much", "little"),
    [(60, HOLDS, FAILS), (18, HOLDS, FAILS), (12, UNDECIDED, UNDECIDED), (2, FAILS, HOLDS), (0, FAILS, HOLDS)],
)
def test_much_and_little_are_told_by_the_whole_interval(left: int, much: Outcome, little: Outcome) -> None:
    """5 % of 200 images are 10; 18 are 9.0 % [5.8, 13.8], 2 are 1.0 % [0.3, 3.6]."""
    found = judge({"a": first(left)})
    claims = found.leaves_much("...", ["a"]), found.leaves_little("...", ["a"])
    assert [claim.outcome for claim in claims] == [much, little]
    for claim in claims:
        assert names(claim) == ["A"]
        assert bool(claim.why) == (claim.outcome is UNDECIDED)


def test_of_several_attacks_the_strongest_counts_or_each() -> None:
    found = judge({"a": first(60), "b": first(1)})
    assert names(found.leaves_little("...", ["a", "b"])) == ["B"]
    assert found.leaves_little("...", ["a", "b"]).outcome is HOLDS
    assert found.each_leaves_little("...", ["a", "b"]).outcome is FAILS
    assert names(found.leaves_much("...", ["a", "b"])) == ["B"]
    assert found.leaves_much("...", ["a", "b"]).outcome is FAILS
    assert found.each_leaves_little("...", ["b", "absent"]).outcome is UNDECIDED


@pytest.mark.parametrize(
    ("ours", "theirs", "outcome"),
    [
        (first(0), first(0), HOLDS),  # the same images
        (first(30), first(30), HOLDS),
        (first(3), first(4), HOLDS),  # nothing that only the rival fools
        (last(1), first(10), HOLDS),  # significant: 10 against 1, p = 0.0117, twice for the best of two
        (last(1), first(3), UNDECIDED),  # 3 against 1
        (first(4), first(2), UNDECIDED),  # 0 against 2, p = 0.5
        (first(9), set(), FAILS),  # 0 against 9, p = 0.0039, twice for the best of two
    ],
)
def test_the_best_of_ours_is_held_against_the_best_rival(ours: set[int], theirs: set[int], outcome: Outcome) -> None:
    found = judge({"a": ours, "b": first(190), "c": theirs, "d": first(200)})
    claim = found.at_least_as_strong("...", [(["a", "b"], ["c", "d"])])
    assert (claim.outcome, names(claim)) == (outcome, ["A", "C"])
    assert claim.p_value is not None


def test_one_group_refutes_a_claim_about_several_and_pays_for_that() -> None:
    rows = {"a": first(9), "b": set[int](), "c": first(3), "d": first(3)}
    both = [(["a"], ["b"]), (["c"], ["d"])]
    assert judge(rows).at_least_as_strong("...", both).outcome is FAILS  # 0 against 9: p = 0.0039, twice
    assert judge({**rows, "a": first(6)}).at_least_as_strong("...", both[:1]).outcome is FAILS  # p = 0.031
    assert judge({**rows, "a": first(6)}).at_least_as_strong("...", both).outcome is UNDECIDED  # twice that
    assert judge({"a": first(9), "c": set(), "d": set()}).at_least_as_strong("...", both).outcome is UNDECIDED


@pytest.mark.parametrize(
    ("weak", "outcome"), [(first(40), HOLDS), (first(21), UNDECIDED), (first(20), UNDECIDED), (first(5), FAILS)]
)
def test_weaker_is_what_leaves_significantly_more(weak: set[int], outcome: Outcome) -> None:
    claim = judge({"a": weak, "b": first(20)}).weaker("...", [("a", "b")])
    assert (claim.outcome, names(claim)) == (outcome, ["A", "B"])


def test_weaker_in_every_pair_or_not() -> None:
    found = judge({"a": first(40), "b": first(20), "c": first(20), "d": first(20)})
    assert found.weaker("...", [("a", "b"), ("c", "d")]).outcome is UNDECIDED
    assert found.weaker("...", [("a", "b"), ("a", "absent")]).outcome is UNDECIDED


@pytest.mark.parametrize(
    ("weak", "outcome"),
    [(first(60), HOLDS), (first(27), HOLDS), (first(22), UNDECIDED), (first(20), FAILS), (first(5), FAILS)],
)
def test_a_gap_is_significant_or_ruled_out(weak: set[int], outcome: Outcome) -> None:
    """Against the better of two, which leaves 20 of 200: 7 more have p = 0.016, 2 more p = 0.5."""
    claim = judge({"a": weak, "b": first(20), "c": first(150)}).leaves_a_gap("...", "a", ["b", "c"])
    assert (claim.outcome, names(claim)) == (outcome, ["A", "B"])


@pytest.mark.parametrize(("most", "outcome"), [(20, HOLDS), (22, HOLDS), (29, UNDECIDED), (60, FAILS)])
def test_flat_is_within_five_points(most: int, outcome: Outcome) -> None:
    found = judge({"a": first(21), "b": first(20), "c": first(most)})
    assert found.flat("...", ["a", "b", "c"]).outcome is outcome
    assert found.flat("...", ["a", "absent"]).outcome is UNDECIDED


def numbers(rows: Mapping[str, list[float]]) -> Judge:
    """Quantities of single images."""
    values = {key: np.array(each) for key, each in rows.items()}
    made = [ReproducedRow(key, key, number=float(each.mean())) for key, each in values.items()]
    return Judge(Found(tuple(made), values))


@pytest.mark.parametrize(
    ("scaled", "outcome"),
    [([0.5] * 10, HOLDS), ([0.5] * 6 + [2.0] * 4, UNDECIDED), ([2.0] * 10, FAILS), ([1.0] * 10, UNDECIDED)],
)
def test_lower_is_told_by_the_signs(scaled: list[float], outcome: Outcome) -> None:
    found = numbers({"plain": [1.0] * 10, "njs": scaled, "hns": [0.1] * 10})
    claim = found.lower("...", ["njs", "hns"], ["plain"])
    assert (claim.outcome, names(claim)) == (outcome, ["plain", "njs", "hns"])
    assert found.lower("...", ["njs", "absent"], ["plain"]).outcome is UNDECIDED


@pytest.mark.parametrize(("njs", "hns", "outcome"), [(1.1, 6.0, HOLDS), (2.5, 6.0, FAILS), (1.1, 1.0, FAILS)])
def test_costs_are_in_order_on_most_images(njs: float, hns: float, outcome: Outcome) -> None:
    found = numbers({"fgsm": [1.0] * 9, "njs": [njs] * 9, "hns": [hns] * 9})
    claim = found.costs("...", "fgsm", "njs", "hns")
    assert claim.outcome is outcome
    assert claim.p_value == pytest.approx(2 / 2**9)
    assert numbers({"fgsm": [1.0] * 3, "njs": [1.1] * 3, "hns": [6.0] * 3}).costs(
        "...", "fgsm", "njs", "hns"
    ).outcome is (UNDECIDED)


PAPERS = {"q original": "8.09e+00", "q njs": "9.51e-01", "q hns": "8.10e+00"}


@pytest.mark.parametrize(
    ("njs", "hns", "outcome"),
    [
        (1.0, 100.0, HOLDS),  # down as in the paper, where hns stays: anything fits that
        (10.5, 10.0, HOLDS),  # stays
        (20.0, 10.0, FAILS),  # up
    ],
)
def test_quantities_move_as_in_the_paper(njs: float, hns: float, outcome: Outcome) -> None:
    found = numbers({"q original": [10.0], "q njs": [njs], "q hns": [hns]})
    claim = found.moves_alike("...", ["q", "other"], ["njs", "hns"], PAPERS)
    assert claim.outcome is outcome
    assert names(claim) == ["q original", "q njs", *(["q hns"] if outcome is HOLDS else [])]
    assert found.moves_alike("...", ["q"], ["njs", "hns"], {}).outcome is UNDECIDED


def curve(values: list[float]) -> Judge:
    rows = [ReproducedRow(f"c {x}", f"c {x}", number=y, series="c", x=float(x)) for x, y in enumerate(values)]
    return Judge(Found(tuple(rows), {}))


@pytest.mark.parametrize(
    ("values", "falls", "peaks", "vanishes"),
    [
        ([1.0, 0.9, 0.2, 0.0], HOLDS, FAILS, HOLDS),
        ([0.0, 0.5, 1.0, 0.1], FAILS, HOLDS, FAILS),
        ([0.0, 0.5, 0.8, 1.0], FAILS, FAILS, FAILS),
        ([1.0, 1.0, 1.0, 1.0], FAILS, FAILS, FAILS),
        ([1.0, 0.5, 0.6, 0.0], FAILS, FAILS, HOLDS),
        ([0.6, 1.0, 0.6, 0.4], FAILS, FAILS, FAILS),
    ],
)
def test_shapes_of_curves(values: list[float], falls: Outcome, peaks: Outcome, vanishes: Outcome) -> None:
    found = curve(values)
    assert found.falls("...", "c").outcome is falls
    assert found.peaks_inside("...", ["c"]).outcome is peaks
    assert found.vanishes("...", "c").outcome is vanishes


@pytest.mark.parametrize(
    "ask",
    [
        lambda judge: judge.leaves_much("...", ["a"]),
        lambda judge: judge.leaves_little("...", ["a"]),
        lambda judge: judge.at_least_as_strong("...", [(["a"], ["b"])]),
        lambda judge: judge.at_least_as_strong("...", []),
        lambda judge: judge.weaker("...", [("a", "b")]),
        lambda judge: judge.leaves_a_gap("...", "a", ["b"]),
        lambda judge: judge.flat("...", ["a", "b"]),
        lambda judge: judge.lower("...", ["a"], ["b"]),
        lambda judge: judge.costs("...", "a", "b", "c"),
        lambda judge: judge.falls("...", "a"),
        lambda judge: judge.peaks_inside("...", ["a"]),
        lambda judge: judge.vanishes("...", "a"),
    ],
)
def test_without_its_rows_a_claim_cannot_be_told_and_says_why(ask: Callable[[Judge], Claim]) -> None:
    row = ReproducedRow("a", "A", unable="needs Foolbox")
    claim = ask(Judge(Found((row,), {})))
    assert (claim.outcome, claim.figures, claim.p_value) == (UNDECIDED, (), None)
    assert claim.why in ("a row is missing", "A: needs Foolbox")
