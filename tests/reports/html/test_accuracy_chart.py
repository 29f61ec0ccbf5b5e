"""Where points and error bars stand on the scale."""

from dataclasses import replace

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.report import Report
from bnnaudit.reports.html.accuracy_chart import accuracy_rows, position


def test_each_accuracy_has_its_place_in_percent_and_verified_says_at_most(fake: Report) -> None:
    rows = accuracy_rows(fake)
    assert [(row.name, row.figure, row.low, row.value, row.high) for row in rows] == [
        ("Clean", "98.3 %", 96.14, 98.33, 99.29),
        ("Ordinary PGD", "58.2 %", 52.5, 58.2, 63.7),
        ("Verified", "at most 0.0 %", 0.0, 0.0, 1.26),
    ]


def test_a_threshold_stands_on_the_row_that_it_is_asked_of(fake: Report) -> None:
    assert [row.threshold for row in accuracy_rows(fake)] == [90.0, None, 30.0]


def test_a_declared_figure_has_no_interval(claim_not_met: Report) -> None:
    declared = accuracy_rows(claim_not_met)[1]
    assert (declared.name, declared.figure, declared.interval, declared.low, declared.high) == (
        "Declared",
        "66.0 %",
        "",
        None,
        None,
    )


def test_a_run_without_verdict_shows_its_strongest_attack_and_an_unfinished_one_nothing(
    attack_only: Report, undecided: Report
) -> None:
    assert [row.name for row in accuracy_rows(attack_only)] == ["Clean", "Adversarial"]
    assert accuracy_rows(undecided) == ()


def test_what_is_no_number_is_not_drawn(fake: Report) -> None:
    broken = replace(fake, clean_accuracy=Estimate(float("nan"), 0.0, 1.0, 3))
    assert "Clean" not in [row.name for row in accuracy_rows(broken)]
    assert [position(value) for value in (-1.0, 0.5, 7.0, float("nan"))] == [0.0, 50.0, 100.0, 0.0]
