"""The GitLab template: valid, and its script run in the shells that images have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.pipelines.conftest import StandIn
from tests.pipelines.github_runner import ROOT, load
from tests.pipelines.published_schemas import published_schema
from tests.pipelines.snippets import yaml_snippets

TEMPLATE = load((ROOT / ".gitlab" / "bnnaudit.yml").read_text(encoding="utf-8"))
(SNIPPET,) = yaml_snippets("extends: .bnnaudit")
SHELLS = {"bash": ["bash", "-eo", "pipefail"], "sh": ["dash", "-e"]}
"""GitLab takes bash where an image has it, else sh."""


def job() -> Any:
    """The guide's job with what it extends."""
    given, extended = SNIPPET["bnnaudit"], TEMPLATE[".bnnaudit"]
    return {**extended, **given, "variables": {**extended["variables"], **given["variables"]}}


def run_script(lines: list[str], folder: Path, program: Path, shell: str = "bash", **variables: str) -> int:
    """The lines of a job in one shell; its exit code."""
    if shutil.which(SHELLS[shell][0]) is None:
        pytest.skip(f"there is no {SHELLS[shell][0]} here")
    environment = {**os.environ, **variables, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run([*SHELLS[shell], "-c", "\n".join(lines)], cwd=folder, env=environment, check=False).returncode


def test_template_and_example_are_valid_by_the_published_schema() -> None:
    for document in (TEMPLATE, SNIPPET):
        jsonschema.validate(document, published_schema("gitlab-ci"))


def test_the_junit_report_is_what_the_script_writes_and_kept_whatever_the_outcome() -> None:
    artifacts = job()["artifacts"]
    assert artifacts["when"] == "always"
    assert f"junit={artifacts['reports']['junit']}" in job()["script"][0]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_job_exits_with_the_code_of_check(stand_in: StandIn, workspace: Path, shell: str, code: int) -> None:
    stand_in.acts(code)
    assert run_script(job()["script"], workspace, stand_in.program, shell, **job()["variables"]) == code
    assert (workspace / job()["artifacts"]["reports"]["junit"]).is_file()
    (call,) = stand_in.calls
    assert call[:2] == ["check", "--min-verified=0.3"]
    assert call[-2:] == ["--", "models/*.onnx"]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_line_is_an_argument(stand_in: StandIn, workspace: Path, shell: str) -> None:
    (workspace / "a.onnx").touch()
    given = {"BNNAUDIT_MODELS": "a b.onnx\n*.onnx", "BNNAUDIT_OPTIONS": "--data=my images.npz\n--eps=$(touch pwned)"}
    assert run_script(job()["script"], workspace, stand_in.program, shell, **given) == 0
    (call,) = stand_in.calls
    assert call[1:3] == ["--data=my images.npz", "--eps=$(touch pwned)"]
    assert call[-3:] == ["--", "a b.onnx", "*.onnx"]
    assert not (workspace / "pwned").exists()


def test_without_a_source_nothing_is_installed(stand_in: StandIn, workspace: Path) -> None:
    assert run_script(TEMPLATE[".bnnaudit"]["before_script"], workspace, stand_in.program, BNNAUDIT_SOURCE="") != 0
