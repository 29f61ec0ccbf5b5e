"""`signal` and `sweep` on a tiny saturated network: what they print, write and refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from bnnaudit.reports.json.schema import report_schema
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]


def test_signal_names_the_place_where_the_gradient_vanishes(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    ran = bnnaudit("signal", model, "--data", data)
    assert ran.code == 0, ran.err
    assert "the gradient vanishes at the logits" in " ".join(ran.out.split())
    assert "HNS: the gradient reaches the input" in ran.out
    assert "Hessian ||d2l/dx2||" in ran.out


def test_signal_follows_the_surrogate_that_it_is_given(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    write_model(model, scale=0.05)
    ran = bnnaudit("signal", model, "--data", data, "--surrogate", "clipped:1e-6", "--format", "json")
    report = json.loads(ran.out)
    jsonschema.validate(report, report_schema())
    places = report["signal"]["places"]
    assert [place["name"] for place in places] == ["logits", "step", "input"]
    assert places[0]["original"]["zero_gradient_fraction"] == 0
    assert places[1]["original"] == {"gradient_norm": 0, "zero_gradient_fraction": 1}
    assert (report["attacks"], report["verdict"]) == ([], None)


def test_sweep_prints_every_value_with_its_interval(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    ran = bnnaudit("sweep", model, "--data", data, "--over", "radius", "--values", "0.2,0,0.1", "--method", "pgd++")
    assert ran.code == 0, ran.err
    assert "radius, PGD++ with tracked" in ran.out
    table = ran.out[ran.out.rindex("95 %") :]
    assert [line.split()[0] for line in table.splitlines()[1:4]] == ["0", "0.1", "0.2"]
    assert "[94.0, 100.0]" in table


def test_sweep_in_json(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    ran = bnnaudit(
        "sweep", model, "--data", data, "--eps", "0.2", "--over", "rho", "--values", "0.3,0.01", "--format", "json"
    )
    report = json.loads(ran.out)
    jsonschema.validate(report, report_schema())
    (sweep,) = report["sweeps"]
    assert (sweep["parameter"], sweep["attack"], sweep["labels"]) == ("rho", "pgd++ with njs", ["0.01", "0.3"])
    assert [row["adversarial_accuracy"] for row in report["attacks"]] == [accuracy for _, accuracy in sweep["points"]]


def test_a_sweep_s_point_is_what_attack_says(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    shared = (model, "--data", data, "--eps", "0.2", "--format", "json")
    swept = json.loads(bnnaudit("sweep", *shared, "--over", "iterations", "--values", "3,9").out)["sweeps"][0]["points"]
    for steps, accuracy in swept:
        alone = json.loads(bnnaudit("attack", *shared, "--steps", steps).out)
        assert alone["attacks"][0]["adversarial_accuracy"] == accuracy


@pytest.mark.parametrize("command", [("signal",), ("sweep", "--over", "iterations", "--values", "1,2")])
def test_a_picture_is_drawn_beside_the_report(
    bnnaudit: Bnnaudit, model: Path, data: Path, command: tuple[str, ...]
) -> None:
    pytest.importorskip("matplotlib")
    path = model.parent / "picture.svg"
    ran = bnnaudit(command[0], model, "--data", data, *command[1:], "--plot", path)
    assert ran.code == 0, ran.err
    assert path.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--over", "iterations", "--values", "1.5"), "whole number"),
        (("--over", "rho", "--values", "2"), "between 0 and 1"),
        (("--over", "beta", "--beta", "hns"), "chooses b itself"),
        (("--over", "iterations", "--method", "fgsm"), "does not depend on"),
        (("--over", "iterations", "--plot", "x.pdf"), ".svg or .png"),
        (("--over", "speed"), "speed"),
        ((), "--over"),
    ],
)
def test_what_cannot_be_swept_is_one_line(
    bnnaudit: Bnnaudit, model: Path, data: Path, arguments: tuple[str, ...], word: str
) -> None:
    ran = bnnaudit("sweep", model, "--data", data, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert word in ran.err


def test_curvature_is_for_hns_alone(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    shared = ("attack", model, "--data", data, "--method", "pgd++", "--curvature", "full")
    full = json.loads(bnnaudit(*shared, "--format", "json").out)
    assert full["attacks"][0]["beta"] == "hns:full"
    assert "curvature" in bnnaudit(*shared, "--beta", "njs").err


@pytest.mark.parametrize("beta", ["njs:0", "njs:1", "njs:x", "hns:half", "tracked:2", "0.1:2"])
def test_arguments_that_a_temperature_does_not_take(bnnaudit: Bnnaudit, model: Path, data: Path, beta: str) -> None:
    ran = bnnaudit("attack", model, "--data", data, "--beta", beta)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
