"""`reproduce`: the table as text and JSON, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Ran
from tests.paths import ROOT

Command = Callable[..., Ran]


def test_a_sample_model_stands_beside_the_paper(bnnaudit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    model = "sample_models/digits-bnn-waq.onnx"
    command = ("reproduce", "table5", "--model", model, "--samples", 10, "--quiet")
    ran = bnnaudit(*command)
    assert ran.code == 0, ran.err
    for words in (
        "Table 5: FGSM and PGD with DLR loss against FGSM++ and PGD++",
        "K. Gupta, T. Ajanthan",
        "The paper's claim: PGD++ is at least as strong as every attack without a",
        "ICLR 2021",
        "BNN-WAQ",
        "CIFAR-10",
        "L-inf 0.2",
        "PGD++ HNS",
        "8.57 %",
    ):
        assert words in ran.out
    assert all(len(line) <= 80 for line in ran.out.splitlines())
    document = json.loads(bnnaudit(*command, "--format", "json").out)
    assert document["schema"] == "bnnaudit-reproduction/1"
    (found,) = document["models"]
    rows = {row["name"]: row for row in found["rows"]}
    assert rows["PGD"]["paper"] == [8.57]
    assert rows["PGD"]["cells"][0]["samples"] == 10
    assert rows["PGD++ HNS"]["cells"][0]["value"] < rows["PGD"]["cells"][0]["value"]
    (claim,) = found["claims"]
    assert claim["outcome"] == "holds"
    assert [rows[figure["row"]]["cells"][0] for figure in claim["figures"]] == [f["cell"] for f in claim["figures"]]


def test_the_sample_models_are_the_default(bnnaudit: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    document = json.loads(bnnaudit("reproduce", "table13", "--samples", 5, "--quiet", "--format", "json").out)
    assert [model["kind"] for model in document["models"]] == ["REF", "BNN-WQ", "BNN-WAQ", "REF"]
    monkeypatch.chdir(tmp_path)
    ran = bnnaudit("reproduce", "table13")
    assert (ran.code, ran.out) == (2, "")
    assert "--model" in ran.err


def test_figure_2_leaves_no_more_at_larger_radii(bnnaudit: Command, model: Path, data: Path) -> None:
    """All but IPROP, whose programs know no sign of three values such as this network's."""
    command = ("reproduce", "figure2", "--model", model, "--data", data, "--samples", 4, "--eps", 0, "--eps", 0.4)
    ran = bnnaudit(*command, "--quiet", "--format", "json")
    assert ran.code == 0, ran.err
    (found,) = json.loads(ran.out)["models"]
    assert found["columns"] == ["0", "0.4"]
    rows = {row["name"]: row for row in found["rows"]}
    assert "sign" in rows.pop("IPROP")["unable"]
    for row in rows.values():
        assert row["unable"] is None
        assert row["cells"][0]["value"] == 1
        assert row["paper"] == []
    assert rows["auto"]["cells"][1]["value"] == 0


def test_a_network_with_convolutions_has_no_iprop_row(bnnaudit: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    model = "sample_models/digits-bnn-wq.onnx"
    ran = bnnaudit("reproduce", "figure2", "--model", model, "--samples", 3, "--eps", 0.1, "--quiet")
    assert ran.code == 0, ran.err
    assert "IPROP: method: iprop" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("table9",), "table9"),
        (("figure2",), "fully connected"),
        (("table5", "--model", "absent.onnx"), "absent.onnx"),
        (("table5", "--eps", 0.1, "--eps", 0.2), "figure2"),
        (("table5", "--eps", "far"), "far"),
        ((), "table10"),
    ],
)
def test_wrong_use_is_one_line(bnnaudit: Command, arguments: tuple[object, ...], words: str) -> None:
    ran = bnnaudit("reproduce", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert len(ran.err.strip().splitlines()) == 1
