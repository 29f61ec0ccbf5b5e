"""All commands on all kinds of input, good and bad, and with their output in all kinds of places.

Each run: exit code 0 to 3; 0 and 1 only with the whole report delivered; one line on stderr for 2; no control characters; no
input changed and nothing written but what was asked for; no process left. `BNNAUDIT_CASES=1000` tries as many cases for each
command (all there are, if fewer), and BNNAUDIT_SEED draws others.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from bnnaudit.cli.main import program
from tests.cli.any_input.cases import COMMANDS, MORE_READ, WRITTEN, cases_of, places_of
from tests.cli.any_input.fork_server import ForkServer
from tests.cli.any_input.good_files import write_all
from tests.cli.any_input.running import problems_of

CASES = int(os.environ.get("BNNAUDIT_CASES", "16"))
"""For each command: about 60 s of processor time together."""
SEED = int(os.environ.get("BNNAUDIT_SEED", "0"))
NAMES_A_PATH = ("FILE", "FOLDER", "PATH", "MODEL", "REPORT", "RECIPE", "EVIDENCE", "OLDER", "NEWER")
"""In what stands for an option's value."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what a process leaves is read from /proc")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("good")
    write_all(folder)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = ForkServer()
    yield server
    server.close()


def commands() -> list[str]:
    return program.list_commands(typer.Context(program))  # type: ignore[attr-defined, no-any-return]


def parameters(command: str) -> Iterator[Any]:
    """Those that name a path."""
    for one in program.get_command(typer.Context(program), command).params:  # type: ignore[attr-defined]
        if any(word in str(one.metavar) for word in NAMES_A_PATH):
            yield one


def test_every_command_is_tried() -> None:
    assert sorted(COMMANDS) == sorted(commands())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_path_of_a_command_is_tried(command: str) -> None:
    """An argument, or an option that stands in a use of the command or is one that it writes to."""
    more = [word for words in MORE_READ.get(command, {}).values() for word in words]
    said = {*COMMANDS[command], *more, *WRITTEN.get(command, ()), "--output"}
    for one in parameters(command):
        assert one.param_type_name == "argument" or said & set(one.opts), one.name


@pytest.mark.parametrize("command", COMMANDS)
def test_any_input(command: str, good: Path, tmp_path: Path, server: ForkServer) -> None:
    found = []
    for number, case in enumerate(cases_of(command, CASES, SEED)):
        found += problems_of(case, good, tmp_path / str(number), server)
    assert not found, "\n".join(found)


def test_a_place_for_every_kind() -> None:
    assert {kind for command in COMMANDS for kind in places_of(command)} >= {
        "model", "data", "picture", "card", "project", "report", "evidence", "history", "recipe", "stdin",
    }  # fmt: skip
