"""The guide's recipe for any other pipeline, in a POSIX shell."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pipelines.conftest import StandIn
from tests.pipelines.snippets import snippets

RECIPES = snippets("sh", "case $code in")
SHELL = shutil.which("dash") or shutil.which("sh")


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(
    ("code", "says"),
    [(0, "release"), (1, "do not release"), (3, "undecided"), (2, "itself failed"), (70, "itself failed")],
)
def test_it_tells_exit_codes_apart_and_hands_them_on(
    stand_in: StandIn, workspace: Path, recipe: str, code: int, says: str
) -> None:
    assert SHELL is not None
    stand_in.acts(code)
    environment = {**os.environ, "PATH": f"{stand_in.program.parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        [SHELL, "-eu", "-c", recipe], cwd=workspace, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert says in (done.stdout if code == 0 else done.stderr)
    assert (workspace / "audit.json").is_file()
