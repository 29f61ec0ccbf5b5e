"""Several models and several threats in one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from bnnaudit.cli.paths import model_files
from bnnaudit.core.errors import ModelError
from bnnaudit.core.exit_codes import ExitCode
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]
QUICK = ("--data", "images.npz", "--effort", "quick", "--samples", "20", "--substitute", "none")
THREATS = """
[policy]
min_clean = 0.5
[[policy.threats]]
norm = "linf"
eps = 0.3
min_verified = 0.9
[[policy.threats]]
norm = "l2"
eps = 0.001
"""


@pytest.fixture
def folder(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with three equal networks, and images that they get right."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c"):
        write_model(tmp_path / f"{name}.onnx", scale=0.05)
    images = np.load(data)["x"]
    classes = onnxruntime.InferenceSession(str(tmp_path / "a.onnx")).run(None, {"image": images})[0].argmax(1)
    np.savez(data, x=images, y=classes)
    return tmp_path


def entries(ran: Ran) -> list[dict[str, Any]]:
    """Of the suite on stdout."""
    return json.loads(ran.out)["entries"]


def test_paths_and_patterns_each_model_once(folder: Path) -> None:
    (folder / "deep").mkdir()
    write_model(folder / "deep" / "d.onnx")
    (folder / "a.toml").touch()
    (folder / "x[1].onnx").touch()
    assert model_files(["b.onnx", "*.onnx", "./b.onnx"]) == tuple(
        map(Path, ("b.onnx", "a.onnx", "c.onnx", "x[1].onnx"))
    )
    assert model_files(["**/*"]) == tuple(map(Path, ("a.onnx", "b.onnx", "c.onnx", "deep/d.onnx", "x[1].onnx")))
    assert model_files([f"{folder}/[ab].onnx"]) == (folder / "a.onnx", folder / "b.onnx")
    assert model_files(["x[1].onnx"]) == (Path("x[1].onnx"),)
    (folder / "link.onnx").symlink_to("a.onnx")
    assert model_files(["a.onnx", "link.onnx"]) == (Path("a.onnx"),)


@pytest.mark.parametrize("pattern", ["z*.onnx", "*.toml", "deep/**", "?.pt"])
def test_a_pattern_without_a_model_is_bad_input(bnnaudit: Bnnaudit, folder: Path, pattern: str) -> None:
    with pytest.raises(ModelError, match="no model fits"):
        model_files([pattern])
    ran = bnnaudit("check", "a.onnx", pattern, *QUICK)
    assert (ran.code, ran.out, ran.err.count("\n")) == (ExitCode.BAD_INPUT, "", 1)
    assert pattern in ran.err


def test_each_model_has_its_own_card(bnnaudit: Bnnaudit, folder: Path) -> None:
    (folder / "a.toml").write_text("[threat]\neps = 0.1\n")
    (folder / "b.toml").write_text("[policy]\nmin_clean = 90\n")
    ran = bnnaudit("check", "?.onnx", *QUICK, "--format", "json")
    assert ran.code == ExitCode.BAD_INPUT
    first, second, third = entries(ran)
    assert (first["model"]["path"], first["threat"]["eps"]) == ("a.onnx", 0.1)
    assert (second["model"], second["exit_code"]) == ("b.onnx", 2)
    assert "policy.min_clean" in second["message"]
    assert third["threat"]["eps"] == pytest.approx(8 / 255)
    assert ran.err == f"bnnaudit: b.onnx: {second['message']}\n"


def test_each_threat_has_its_own_thresholds(bnnaudit: Bnnaudit, folder: Path) -> None:
    (folder / "bnnaudit.toml").write_text(THREATS)
    ran = bnnaudit("check", "a.onnx", *QUICK, "--format", "json")
    assert ran.code == ExitCode.FAILED
    linf, l2 = entries(ran)
    assert [(one["threat"]["norm"], one["threat"]["eps"]) for one in (linf, l2)] == [("linf", 0.3), ("l2", 0.001)]
    assert [one["gate"]["outcome"] for one in (linf, l2)] == ["failed", "passed"]
    kinds = [{one["kind"] for one in entry["gate"]["criteria"]} for entry in (linf, l2)]
    assert ["min-verified" in kind for kind in kinds] == [True, False]
    assert all("min-clean" in kind for kind in kinds)


def test_a_model_is_opened_once_and_its_figures_are_those_of_audits_of_their_own(
    bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnnaudit.auditing import open as opening

    (folder / "bnnaudit.toml").write_text(THREATS.replace("0.001", "0.5"))
    opened: list[Path] = []

    def counted(path: Path, settings: object) -> object:
        opened.append(path)
        return open_it(path, settings)

    open_it = opening.open_model_and_data
    monkeypatch.setattr(opening, "open_model_and_data", counted)
    together = entries(bnnaudit("check", "a.onnx", *QUICK, "--format", "json"))
    assert opened == [Path("a.onnx")]
    for flags, entry in zip((("--eps", "0.3"), ("--norm", "l2", "--eps", "0.5")), together, strict=True):
        alone = json.loads(bnnaudit("check", "a.onnx", *QUICK, *flags, "--format", "json").out)
        assert alone["verdict"] == entry["verdict"]
        assert [row["adversarial_accuracy"] for row in alone["attacks"]] == [
            row["adversarial_accuracy"] for row in entry["attacks"]
        ]


def test_the_substitute_is_trained_once(bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bnnaudit.auditing import open as opening

    (folder / "bnnaudit.toml").write_text(THREATS)
    trained: list[object] = []
    imitate = opening.imitate

    def counted(*arguments: Any) -> object:
        trained.append(arguments)
        return imitate(*arguments)

    monkeypatch.setattr(opening, "imitate", counted)
    ran = bnnaudit("check", "a.onnx", "--data", "images.npz", "--samples", "8", "--format", "json")
    assert len(entries(ran)) == 2
    assert len(trained) == 1


@pytest.mark.parametrize("place", ["bnnaudit.auditing.run.run_trial", "bnnaudit.auditing.run.prepare"])
def test_an_interruption_leaves_what_is_done_and_says_what_is_not(
    bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """The second of three models: the first has its report, the third is not begun."""
    from bnnaudit.auditing import run as running

    name = place.rpartition(".")[2]
    work, seen = getattr(running, name), []

    def at_the_second(inputs: Any, *arguments: Any, **options: Any) -> object:
        target = getattr(inputs, "target", inputs)
        if target.facts.path not in seen:
            seen.append(target.facts.path)
        if len(seen) == 2:
            raise KeyboardInterrupt
        return work(inputs, *arguments, **options)

    monkeypatch.setattr(running, name, at_the_second)
    ran = bnnaudit("check", "?.onnx", *QUICK, "--eps", "0.3", "--format", "json", "--report", "all.json")
    assert ran.code == ExitCode.UNFINISHED
    first, second, third = entries(ran)
    assert first["gate"]["outcome"] == "passed"
    if name == "prepare":
        assert second["exit_code"] == 3
        assert "interrupted" in second["message"]
    else:
        assert second["gate"]["outcome"] == "undecided"
    assert (third["model"], third["exit_code"]) == ("c.onnx", 3)
    assert "interrupted" in third["message"]
    assert (folder / "all.json").read_text() == ran.out


def test_a_bug_in_one_audit_leaves_the_others(
    bnnaudit: Bnnaudit, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bnnaudit.auditing import run as running

    prepare = running.prepare

    def broken(target: Any, *arguments: Any) -> object:
        if "b.onnx" in target.facts.path:
            raise ZeroDivisionError("oops")
        return prepare(target, *arguments)

    monkeypatch.setattr(running, "prepare", broken)
    ran = bnnaudit("check", "?.onnx", *QUICK, "--verbose")
    assert ran.code == ExitCode.BUG
    assert "Traceback" in ran.err
    assert "b.onnx: a bug in bnnaudit: ZeroDivisionError: oops" in ran.err
    assert "c.onnx" in ran.out


def test_what_would_be_overwritten_stops_everything(bnnaudit: Bnnaudit, folder: Path) -> None:
    before = (folder / "c.onnx").read_bytes()
    ran = bnnaudit("check", "a.onnx", "b.onnx", "c.onnx", *QUICK, "--report", "json=c.onnx", "--report", "all.json")
    assert (ran.code, ran.out) == (2, "")
    assert "c.onnx is there, and named like a model" in ran.err
    assert (folder / "c.onnx").read_bytes() == before
    assert not (folder / "all.json").exists()
