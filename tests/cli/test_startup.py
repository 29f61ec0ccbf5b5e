"""The environment that the numerical libraries find."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bnnaudit.cli import startup
from bnnaudit.cli.startup import ALLOCATOR, KEPT_FREE, PASSIVE, keep_memory, prepare


@pytest.fixture(autouse=True)
def _three_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup, "usable_cores", lambda: 3)


def test_waiting_is_passive_and_threads_are_the_cores() -> None:
    environment: dict[str, str] = {"HOME": "/"}
    prepare(environment)
    assert environment == {"HOME": "/", "OMP_NUM_THREADS": "3", **PASSIVE}


@pytest.mark.parametrize("name", PASSIVE)
def test_how_the_user_lets_threads_wait_is_kept(name: str) -> None:
    environment = {name: "mine"}
    prepare(environment)
    assert environment == {name: "mine", "OMP_NUM_THREADS": "3"}


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "MKL_NUM_THREADS"])
def test_the_users_number_of_threads_is_kept(name: str) -> None:
    environment = {name: "7"}
    prepare(environment)
    assert environment == {name: "7", **PASSIVE}


def test_it_is_set_before_the_libraries_load() -> None:
    """`bnnaudit --help` in a process of its own; what runs at exit sees the environment and what was loaded."""
    code = (
        "import atexit, os, sys\n"
        "atexit.register(lambda: print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules, file=sys.stderr))\n"
        "sys.argv = ['bnnaudit', '--help']\n"
        "from bnnaudit.cli.main import main\nmain()\n"
    )
    bare = {name: value for name, value in os.environ.items() if name not in PASSIVE}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=bare, cwd=Path.cwd()
    )
    assert done.stderr.split() == ["PASSIVE", "False"]


class Allocator:
    """The C library's, as far as it is asked."""

    def __init__(self) -> None:
        self.told: dict[int, int] = {}

    def mallopt(self, parameter: int, size: int) -> None:
        self.told[parameter] = size


def test_memory_is_kept_for_the_next_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    allocator = Allocator()
    monkeypatch.setattr(startup.ctypes, "CDLL", lambda name: allocator)
    for name in ALLOCATOR:
        keep_memory({name: "mine"})
    assert allocator.told == {}
    keep_memory({})
    assert allocator.told == KEPT_FREE


def test_a_system_without_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup.ctypes, "CDLL", lambda name: object())
    keep_memory({})
