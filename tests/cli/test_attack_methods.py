"""Attacks without the model's gradients, by the command line: transfer, square, random; and `clever`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from bnnaudit.reports.json.schema import report_schema
from tests.cli.conftest import Ran

Command = Callable[..., Ran]
SMALL = ("--samples", 20, "--eps", 0.1, "--quiet")


def row_of(ran: Ran) -> dict:
    assert ran.code == 0, ran.err
    report = json.loads(ran.out)
    jsonschema.validate(report, report_schema())
    (row,) = report["attacks"]
    return row


@pytest.mark.parametrize("method", ["square", "random", "hard-label"])
def test_a_search_reports_its_queries_and_no_steps(bnnaudit: Command, model: Path, data: Path, method: str) -> None:
    attack = ("attack", model, "--data", data, *SMALL, "--method", method, "--queries", 30, "--restarts", 2)
    row = row_of(bnnaudit(*attack, "--format", "json"))
    assert row["method"] == method
    assert (row["queries"], row["restarts"], row["steps"], row["step_size"]) == (30, 2, None, None)
    assert row["backwards"] == 0
    assert 20 <= row["forwards"] <= 20 * 60
    text = bnnaudit(*attack).out
    assert "30 q x 2" in text
    assert "queries (forward passes)" in text


def test_what_a_search_cannot_use_is_refused(bnnaudit: Command, model: Path, data: Path) -> None:
    ran = bnnaudit("attack", model, "--data", data, "--method", "square", "--beta", "hns", "--steps", 3)
    assert ran.code == 2
    assert "--beta, --steps" in ran.err
    ran = bnnaudit("attack", model, "--data", data, "--method", "pgd", "--substitute", model)
    assert ran.code == 2
    assert "substitute" in ran.err


@pytest.mark.parametrize(
    "flags",
    [
        ("--surrogate", "tanh"),
        ("--loss", "dlr"),
        ("--step-size", 0.1, "--steps", 3),
        ("--restarts", 2),
        ("--error-signal", "plain"),
        ("--l2-per-channel",),
    ],
)
def test_what_auto_decides_for_itself_is_refused(bnnaudit: Command, model: Path, flags: tuple[object, ...]) -> None:
    ran = bnnaudit("attack", model, "--method", "auto", *flags)
    names = ", ".join(str(flag) for flag in flags if str(flag).startswith("--"))
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert f"method: auto has no use for {names}; its options are --budget" in ran.err


def test_auto_says_what_it_ran(bnnaudit: Command, model: Path, data: Path) -> None:
    model.with_suffix(".toml").write_text('[attack]\nbeta = "hns"\nsteps = 7\nbudget = 60\n')
    attack = ("attack", model, "--data", data, *SMALL, "--method", "auto")
    row = row_of(bnnaudit(*attack, "--format", "json"))
    assert (row["name"], row["beta"], row["budget"]) == ("auto", "none", "60")
    phases = row["phases"]
    assert phases[0]["phase"] == "first climb"
    assert sum(phase["fooled"] for phase in phases) == row["replayed"] - row["replay_disagreements"]
    assert sum(phase["backwards"] for phase in phases) == row["backwards"]
    assert sum(phase["forwards"] for phase in phases) == row["forwards"]
    text = bnnaudit(*attack).out
    assert "Phases of auto" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_card_s_temperature_does_not_concern_a_search(bnnaudit: Command, model: Path, data: Path) -> None:
    model.with_suffix(".toml").write_text('[attack]\nbeta = "hns"\nqueries = 7\n')
    row = row_of(bnnaudit("attack", model, "--data", data, *SMALL, "--method", "square", "--format", "json"))
    assert (row["name"], row["beta"], row["queries"]) == ("square", "none", 7)


def test_transfer_attacks_the_substitute_with_the_settings_given(bnnaudit: Command, model: Path, data: Path) -> None:
    """The model as its own substitute: what fools it there fools it here, but for what only its surrogate believes."""
    attack = ("attack", model, "--data", data, *SMALL, "--method", "transfer", "--substitute", model)
    row = row_of(bnnaudit(*attack, "--steps", 7, "--beta", "hns", "--format", "json"))
    assert (row["source"], row["method"], row["steps"], row["beta"]) == ("substitute", "pgd", 7, "hns")
    assert (row["stop_at_success"], row["error_signal"]) == (False, "exact")
    direct = ("attack", model, "--data", data, *SMALL, "--steps", 7, "--beta", "hns", "--surrogate", "identity")
    assert row["adversarial_accuracy"] == row_of(bnnaudit(*direct, "--format", "json"))["adversarial_accuracy"]
    assert "transferred from the substitute network tiny.onnx" in bnnaudit(*attack).out


def test_clever_prints_a_row_for_each_temperature(bnnaudit: Command, model: Path, data: Path) -> None:
    command = ("clever", model, "--data", data, "--samples", 3, "--batches", 6, "--draws", 5, "--quiet")
    ran = bnnaudit(*command, "--beta", "none", "--beta", "0.01", "--format", "json")
    assert ran.code == 0, ran.err
    document = json.loads(ran.out)
    assert [(row["function"], row["beta"]) for row in document["rows"]] == [
        ("logits", None),
        ("softmax", "none"),
        ("softmax", "0.01"),
    ]
    for row in document["rows"]:
        for ball in ("l1", "l2", "linf"):
            assert 0 < row[ball]["mean"] <= document["radii"][ball] * (1 + 1e-6)
    text = bnnaudit(*command).out
    for words in ("softmax, njs", "softmax, hns", "L-inf mean", "Estimated distance"):
        assert words in text


@pytest.mark.parametrize(
    ("method", "option", "value"),
    [("pgd", "--budget", "30s"), ("pgd++", "--queries", 5), ("auto", "--beta", "hns"), ("fab", "--beta", "2")],
)
def test_an_option_of_other_methods_is_refused(
    bnnaudit: Command, model: Path, data: Path, method: str, option: str, value: object
) -> None:
    ran = bnnaudit("attack", model, "--data", data, "--method", method, option, value)
    assert ran.code == 2
    assert f"{method} has no use for {option}" in ran.err
