"""A stand-in for bnnaudit that writes down how it was called, and the real one of this environment as a program."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.pipelines.github_runner import ROOT

STAND_IN = """#!{python}
import json, os, pathlib, sys
log = pathlib.Path({log!r})
calls = json.loads(log.read_text()) if log.exists() else []
log.write_text(json.dumps([*calls, sys.argv[1:]]))
settings = json.loads(pathlib.Path({settings!r}).read_text())
print(settings["says"])
words = sys.argv[1:]
if settings["writes"]:
    for word, value in zip(words, words[1:]):
        if word == "--report":
            name, path = value.split("=", 1)
            pathlib.Path(path).write_text(settings["annotations"] if name == "github" else f"a report as {{name}}\\n")
sys.exit(settings["code"] if words[0] == "check" else 0)
"""


@dataclass
class StandIn:
    """The program, and the calls that it got."""

    program: Path
    folder: Path

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call."""
        found: list[list[str]] = json.loads((self.folder / "log.json").read_text(encoding="utf-8"))
        return found

    def acts(self, code: int = 0, says: str = "ten lines", writes: bool = True, annotations: str = "") -> None:
        """What it does from now on."""
        settings = {"code": code, "says": says, "writes": writes, "annotations": annotations}
        (self.folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    """One that passes."""
    folder = tmp_path / "stand-in"
    folder.mkdir()
    script = STAND_IN.format(
        python=sys.executable, log=str(folder / "log.json"), settings=str(folder / "settings.json")
    )
    made = StandIn(_program(folder / "bnnaudit", script), folder)
    made.acts()
    return made


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """The program of this checkout, whatever is installed."""
    folder = tmp_path / "real"
    folder.mkdir()
    return _program(
        folder / "bnnaudit",
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" OMP_NUM_THREADS=1 exec "{sys.executable}" -m bnnaudit "$@"\n',
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """The folder of a job."""
    folder = tmp_path / "work space"
    folder.mkdir()
    return folder


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """The runner's own folder."""
    folder = tmp_path / "runner"
    folder.mkdir()
    return folder


def _program(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path
