"""The hook: a valid manifest, and models alone handed to one process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pipelines.conftest import StandIn
from tests.pipelines.github_runner import ROOT, load
from tests.pipelines.snippets import yaml_snippets

MANIFEST = ROOT / ".pre-commit-hooks.yaml"
(HOOK,) = load(MANIFEST.read_text(encoding="utf-8"))


def pre_commit(folder: Path, *words: str, program: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs pre-commit, or skips the test."""
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    path = os.environ["PATH"] if program is None else f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PRE_COMMIT_HOME": str(folder.parent / "pre-commit")}
    command = [sys.executable, "-m", "pre_commit", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def repository(folder: Path, hook: dict[str, Any], names: Sequence[str]) -> None:
    """A repository with files of these names and what is there, and the hook run by the program that is on the path."""
    config = {"repos": [{"repo": "local", "hooks": [{**hook, "language": "system"}]}]}
    (folder / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    for name in names:
        (folder / name).write_text(name, encoding="utf-8")
    for words in (("init", "-q"), ("add", "-A")):
        subprocess.run(["git", *words], cwd=folder, check=True)


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    done = pre_commit(tmp_path, "validate-manifest", str(MANIFEST))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_names_the_hook(tmp_path: Path) -> None:
    (example,) = yaml_snippets("repos:")
    assert [hook["id"] for hook in example["repos"][0]["hooks"]] == [HOOK["id"]]
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(example), encoding="utf-8")
    done = pre_commit(tmp_path, "validate-config", str(config))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("code", [0, 1, 3])
def test_models_go_to_one_process_whose_exit_code_decides(stand_in: StandIn, workspace: Path, code: int) -> None:
    stand_in.acts(code)
    repository(workspace, HOOK, ("a.onnx", "b c.onnx", "a.toml", "onnx.txt"))
    done = pre_commit(workspace, "run", "--all-files", program=stand_in.program)
    assert (done.returncode == 0) == (code == 0), done.stdout + done.stderr
    assert stand_in.calls == [["check", "--effort", "quick", "a.onnx", "b c.onnx"]]
