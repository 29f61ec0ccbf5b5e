"""The commands on a tiny model: streams, exit codes, formats, what is written."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import onnxruntime
import pytest

from bnnaudit.cli.attack_settings import attack_settings
from bnnaudit.cli.main import COMMANDS, program
from bnnaudit.config.schema import settings_schema_text
from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.sources import SOURCES
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.evidence.schema import evidence_schemas
from bnnaudit.reports.json.schema import report_schema, report_schemas
from bnnaudit.rules.table import RULES
from tests.cli.conftest import Ran, write_model

Bnnaudit = Callable[..., Ran]


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; from bnnaudit.cli.main import run; code = run(['--help']);"
        "sys.exit(code or any(name in sys.modules for name in ('torch', 'numpy', 'onnx', 'pydantic', 'rich.markdown')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in COMMANDS:
        assert name in done.stdout


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_of_the_table_has_help(bnnaudit: Bnnaudit, name: str) -> None:
    ran = bnnaudit(name, "--help")
    assert ran.code == 0
    assert ran.out.startswith(f"Usage: bnnaudit {name}")
    assert program.get_command(None, name).name == name


def test_the_version_is_the_package_s(bnnaudit: Bnnaudit) -> None:
    import bnnaudit as package

    assert package.__version__ in bnnaudit("--version").out


def test_check_fails_a_fake_and_its_json_is_valid_and_alone_on_stdout(
    bnnaudit: Bnnaudit, model: Path, data: Path
) -> None:
    ran = bnnaudit("check", model, "--data", data, "--eps", "0.2", "--format", "json")
    assert ran.code == 1
    report = json.loads(ran.out)
    jsonschema.validate(report, report_schema())
    assert report["verdict"]["status"] == "fake-robustness"
    assert report["data"]["labelled"] is False
    assert ran.err == ""


def test_check_passes_an_honest_model(bnnaudit: Bnnaudit, tmp_path: Path, data: Path) -> None:
    """Unscaled logits and a margin of several signs: weak, but no weaker than ordinary PGD shows."""
    honest = tmp_path / "honest.onnx"
    write_model(honest, scale=0.05)
    ran = bnnaudit("check", honest, "--data", data, "--eps", "0.3", "--substitute", "none", "--verbose")
    assert ran.code == 0, ran.out
    assert ran.out.splitlines()[-1].startswith("PASS")
    assert "transfer" in ran.out


def test_the_card_supplies_what_the_flags_leave_out(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    model.with_suffix(".toml").write_text(
        '[data]\nsource = "images.npz"\nsamples = 40\n[threat]\nnorm = "l2"\neps = 0.25\n'
    )
    ran = bnnaudit("attack", model, "--format", "json", "--samples", "30")
    assert ran.code == 0
    report = json.loads(ran.out)
    assert (report["threat"]["norm"], report["threat"]["eps"], report["data"]["samples"]) == ("l2", 0.25, 30)


def test_the_report_goes_to_the_file_and_stdout_stays_empty(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    path = model.parent / "report.json"
    ran = bnnaudit("attack", model, "--data", data, "--format", "json", "--output", path)
    assert (ran.code, ran.out) == (0, "")
    jsonschema.validate(json.loads(path.read_text()), report_schema())


def test_saved_images_replay_as_the_file_says(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    path = model.parent / "adversarial.npz"
    ran = bnnaudit(
        "attack", model, "--data", data, "--method", "pgd++", "--eps", "0.2", "--format", "json", "--save", path
    )
    left = json.loads(ran.out)["attacks"][0]["adversarial_accuracy"]
    with np.load(path, allow_pickle=False) as saved:
        content = dict(saved)
    session = onnxruntime.InferenceSession(str(model))
    classes = session.run(None, {"image": content["x"]})[0].argmax(1)
    assert np.array_equal(classes, content["predicted_after"])
    before = session.run(None, {"image": content["original"]})[0].argmax(1)
    assert np.array_equal(before, content["predicted_before"])
    assert np.array_equal(before, content["y"])
    assert 1 - (classes != content["y"]).mean() == pytest.approx(left)
    assert np.abs(content["x"] - content["original"]).max() <= 0.2 + 1e-6
    assert content["fooled"].any()
    # The file is data for another run.
    again = bnnaudit("attack", model, "--data", path, "--eps", "0", "--format", "json")
    assert json.loads(again.out)["clean_accuracy"] == pytest.approx(left)


def test_the_same_command_gives_the_same_figures(bnnaudit: Bnnaudit, model: Path, data: Path) -> None:
    runs = [bnnaudit("attack", model, "--data", data, "--format", "json", "--batch-size", size) for size in (60, 7)]
    accuracies = {json.loads(ran.out)["attacks"][0]["adversarial_accuracy"] for ran in runs}
    assert len(accuracies) == 1


def test_inspect_names_what_the_file_holds(bnnaudit: Bnnaudit, model: Path) -> None:
    ran = bnnaudit("inspect", model)
    assert ran.code == 0
    for word in ("ONNX", "Sign", "MatMul", "3 classes", "sign"):
        assert word in ran.out
    facts = json.loads(bnnaudit("inspect", model, "--format", "json").out)
    assert facts["nondifferentiable"] == [{"op": "sign", "count": 1}]


def test_explain_tells_every_rule(bnnaudit: Bnnaudit) -> None:
    everything = bnnaudit("explain", "--all").out
    for rule in RULES.values():
        assert rule.code in everything
        assert rule.name in bnnaudit("explain", rule.code).out
    assert bnnaudit("explain", "claim-not-verified").out == bnnaudit("explain", "fr302").out
    assert len(json.loads(bnnaudit("explain", "--all", "--format", "json").out)["rules"]) == len(RULES)


@pytest.mark.parametrize(
    ("method", "beta", "surrogate", "name"),
    [
        ("pgd", None, SurrogateKind.IDENTITY, "pgd"),
        ("pgd++", None, SurrogateKind.TANH, "pgd++"),
        ("fgsm++", None, SurrogateKind.IDENTITY, "fgsm++"),
    ],
)
def test_methods_with_a_plus_choose_the_tracked_temperature(
    method: str, beta: None, surrogate: SurrogateKind, name: str
) -> None:
    settings = attack_settings(method, beta, None)
    assert (settings.name, settings.surrogate.kind) == (name, surrogate)
    assert settings.method is Method(method.removesuffix("++"))
    assert settings.beta.rule is (BetaRule.TRACKED if "++" in method else BetaRule.NONE)


def test_a_bug_of_ours_never_looks_like_a_finding(
    bnnaudit: Bnnaudit, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(*arguments: object, **options: object) -> object:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("bnnaudit.auditing.one_attack.run_trial", break_down)
    ran = bnnaudit("attack", model, "--data", data)
    assert ran.code == 70
    assert ran.err.count("\n") == 1
    assert "oops" in ran.err
    assert "Traceback" in bnnaudit("attack", model, "--data", data, "--verbose").err


def test_an_interruption_is_unfinished(
    bnnaudit: Bnnaudit, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **options: object) -> object:
        raise KeyboardInterrupt

    monkeypatch.setattr("bnnaudit.auditing.run.run_trial", interrupt)
    ran = bnnaudit("check", model, "--data", data)
    assert ran.code == 3
    assert "interrupted" in ran.out


def test_explain_lists_what_each_effort_costs(bnnaudit: Bnnaudit) -> None:
    ran = bnnaudit("explain", "--effort", "--format", "json")
    assert ran.code == 0
    checks = {entry["check"]: entry["passes"] for entry in json.loads(ran.out)["checks"]}
    assert checks["transfer"]["quick"] is None
    assert checks["ordinary PGD"]["quick"] > 0
    assert bnnaudit("explain", "FR301", "--effort").code == 2


def test_explain_lists_the_publications_that_texts_cite(bnnaudit: Bnnaudit) -> None:
    assert "[Gupta & Ajanthan 2022]" in bnnaudit("explain", "--sources").out
    listed = json.loads(bnnaudit("explain", "--sources", "--format", "json").out)["sources"]
    assert [source["label"] for source in listed] == list(SOURCES)
    assert bnnaudit("explain", "FR301", "--sources").code == 2


def test_explain_prints_the_schemas_that_ship(bnnaudit: Bnnaudit, tmp_path: Path) -> None:
    """That of settings, and one for every document with a version."""
    assert bnnaudit("explain", "--schema", "settings").out == settings_schema_text()
    assert json.loads(bnnaudit("explain", "--schema", "report", "--format", "json").out) == report_schema()
    kinds = {file.removeprefix("bnnaudit-").rpartition("-")[0] for file in (*report_schemas(), *evidence_schemas())}
    assert kinds >= {"report", "suite", "failure", "reproduction"}
    for kind in kinds:
        path = tmp_path / f"{kind}.json"
        assert bnnaudit("explain", "--schema", kind, "-o", path).code == 0
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))
    for words, told in (
        (("--schema", "setings"), "did you mean settings"),
        (("--schema", "settings", "--all"), "only one"),
        (("--schema", "settings", "--format", "terminal"), "leave out --format"),
    ):
        ran = bnnaudit("explain", *words)
        assert (ran.code, ran.out) == (2, "")
        assert told in ran.err
