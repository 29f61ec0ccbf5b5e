"""The action, the GitLab template and the hook with bnnaudit itself, on sample models at effort quick."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bnnaudit.reports.formats import ReportFormat, format_of
from tests.pipelines.github_runner import ROOT, new_run, run_action, the_action
from tests.pipelines.test_github_workflow import WORKFLOWS, run_workflow
from tests.pipelines.test_gitlab_template import job, run_script
from tests.pipelines.test_pre_commit_hook import HOOK, pre_commit, repository
from tests.reports.intoto_schema import check_predicate, check_statement

SAMPLES = ROOT / "sample_models"
MOST_SUMMARY = 64 * 1024
"""Bytes of a job's summary that bnnaudit promises to stay below."""


@pytest.fixture
def models(workspace: Path) -> Path:
    """The folder of the job with the samples' data, and a setting that keeps audits short."""
    shutil.copy(SAMPLES / "digits-test.npz", workspace)
    (workspace / "bnnaudit.toml").write_text('[audit]\neffort = "quick"\n', encoding="utf-8")
    return workspace


def put(sample: str, folder: Path, name: str) -> Path:
    """A sample with its card under another name."""
    shutil.copy(SAMPLES / f"{sample}.toml", folder / f"{name}.toml")
    return Path(shutil.copy(SAMPLES / f"{sample}.onnx", folder / f"{name}.onnx"))


def run(program: Path, folder: Path, temporary: Path, **given: str) -> tuple[Any, dict[str, str]]:
    """The action on models of this folder: the run, and its outputs."""
    made = new_run(folder, temporary)
    return made, run_action(made, given, {"install": {"command": str(program)}})


def read(folder: Path, path: str) -> str:
    return (folder / path).read_text(encoding="utf-8")


def test_the_action_names_formats_and_suffixes_that_bnnaudit_has() -> None:
    script = the_action()["runs"]["steps"][1]["run"]
    written = next(line for line in script.splitlines() if line.startswith("written=")).split('"')[1]
    for name, suffix in (entry.split("=") for entry in written.split()):
        assert name in set(ReportFormat)
        assert format_of(Path(f"audit.{suffix}")) in (ReportFormat(name), None)


def test_the_action_names_options_that_check_has(real: Path) -> None:
    variables = the_action()["runs"]["steps"][1]["env"]
    flags = {f"--{name.removeprefix('OPTION_').lower().replace('_', '-')}" for name in variables if "OPTION_" in name}
    text = subprocess.run([real, "check", "--help"], capture_output=True, text=True, check=True).stdout
    assert len(flags) >= 8
    assert flags <= set(re.findall(r"--[a-z-]+", text))


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_model_that_passes_is_attested(workflow: Any, real: Path, models: Path, temporary: Path) -> None:
    model = put("digits-ref-at", models, "model")
    made = new_run(models, temporary)
    run_workflow(workflow, made, real)
    assert made.exit_code == 0, made.log
    predicate = json.loads(made.outputs["attested"]["predicate"])
    check_predicate(predicate)
    assert predicate["result"] in ("PASSED", "WARNED")
    assert any("gate min-verified" in name for name in predicate["passedTests"])
    (audit,) = [outputs for outputs in made.outputs.values() if "exit-code" in outputs]
    statement = check_statement(read(models, audit["intoto"]))
    assert statement["predicate"] == predicate
    assert statement["subject"][0]["digest"]["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()


def test_a_model_that_fails_has_every_report_and_fails_the_job(real: Path, models: Path, temporary: Path) -> None:
    put("digits-bnn-waq", models, "fake")
    made, outputs = run(real, models, temporary, models="fake.onnx")
    assert (made.exit_code, outputs["outcome"]) == (1, "failed"), made.log
    sarif = json.loads(read(models, outputs["sarif"]))["runs"][0]
    assert sarif["invocations"][0]["executionSuccessful"] is True
    assert any(result["level"] == "error" for result in sarif["results"])
    assert json.loads(read(models, outputs["predicate"]))["result"] == "FAILED"
    assert list(ElementTree.fromstring(read(models, outputs["junit"])).iter("failure"))
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(read(models, outputs["cyclonedx"])) is None
    assert "<html" in read(models, outputs["html"])
    assert any(name == "error" for name, _ in made.commands)
    assert "fake.onnx" in made.summary
    assert len(made.summary.encode()) < MOST_SUMMARY


def test_a_model_that_is_not_there_is_an_error_in_every_report(real: Path, models: Path, temporary: Path) -> None:
    made, outputs = run(real, models, temporary, models="absent.onnx")
    assert (made.exit_code, outputs["outcome"]) == (2, "error"), made.log
    sarif = json.loads(read(models, outputs["sarif"]))["runs"][0]
    assert sarif["invocations"][0]["executionSuccessful"] is False
    assert list(ElementTree.fromstring(read(models, outputs["junit"])).iter("error"))
    assert json.loads(read(models, outputs["predicate"]))["result"] == "FAILED"


def test_an_input_that_is_no_length_is_bad_input(real: Path, models: Path, temporary: Path) -> None:
    put("digits-ref", models, "model")
    made, outputs = run(real, models, temporary, models="model.onnx", eps="8/255; touch pwned")
    assert (made.exit_code, outputs["outcome"], outputs["sarif"]) == (2, "error", ""), made.log
    assert not (models / "pwned").exists()


def test_the_gitlab_job_reports_each_model_and_exits_with_the_worst_code(real: Path, models: Path) -> None:
    put("digits-ref-at", models, "a")
    put("digits-bnn-waq", models, "b")
    given = {**job()["variables"], "BNNAUDIT_MODELS": "*.onnx"}
    assert run_script(job()["script"], models, real, **given) == 1
    junit = ElementTree.fromstring(read(models, job()["artifacts"]["reports"]["junit"]))
    suites = {suite.get("name", ""): int(suite.get("failures", "0")) for suite in junit.iter("testsuite")}
    assert len(suites) == 2
    assert [bool(failures) for failures in suites.values()] == [False, True]


def test_the_hook_audits_with_the_card_beside_the_model(real: Path, models: Path) -> None:
    put("digits-ref", models, "model")
    repository(models, HOOK, ())
    done = pre_commit(models, "run", "--all-files", program=real)
    assert done.returncode == 0, done.stdout + done.stderr
