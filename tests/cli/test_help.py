"""Help: what it imports, that it is complete, and that it can be read on every screen."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import typer
from typer.core import TyperArgument

from bnnaudit.cli.main import COMMANDS, program
from tests.cli.conftest import Ran

Bnnaudit = Callable[..., Ran]
HEAVY = ("torch", "numpy", "onnx", "onnxruntime", "rich.markdown")


def command_of(name: str):
    return program.get_command(typer.Context(program), name)


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["attack", "--help"], ["--version"]])
def test_it_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        f"import sys; from bnnaudit.cli.main import run; code = run({arguments});"
        f"print([name for name in {HEAVY} if name in sys.modules], len(sys.modules), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded, modules = done.stderr.rsplit(maxsplit=1)
    assert loaded == "[]"
    assert int(modules) < 700


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_two_examples_whose_options_are_its_own(name: str) -> None:
    command = command_of(name)
    examples = [shlex.split(line) for line in command.epilog.splitlines()]
    known = {flag for parameter in command.params for flag in parameter.opts}
    assert len(examples) == 2
    for words in examples:
        assert words[:2] == ["bnnaudit", name]
        assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_described_in_a_sentence(name: str) -> None:
    for parameter in command_of(name).params:
        assert parameter.metavar or parameter.is_flag, parameter.name
        assert parameter.help.isascii()
        assert re.fullmatch(r"[A-Z.].*\.|quick .*\.", parameter.help), parameter.help


@pytest.mark.parametrize("columns", [40, 63, 64, 80, 120])
@pytest.mark.parametrize("name", [*COMMANDS, None])
def test_it_fits_the_screen_and_breaks_no_option(
    bnnaudit: Bnnaudit, monkeypatch: pytest.MonkeyPatch, columns: int, name: str | None
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    ran = bnnaudit(*([name] if name else []), "--help")
    assert ran.code == 0
    assert max(map(len, ran.out.splitlines())) <= min(columns, 100)
    words = ran.out.replace(",", " ").split()
    command = command_of(name) if name else program
    for parameter in command.params:
        shown = [parameter.metavar] if isinstance(parameter, TyperArgument) else parameter.opts
        assert set(shown) <= set(words)
        for word in parameter.help.replace(",", " ").split():
            assert word in words


def test_a_width_that_is_not_known_is_the_usual_one(bnnaudit: Bnnaudit, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {}
    for columns in ("0", "80", "5", "20"):
        monkeypatch.setenv("COLUMNS", columns)
        pages[columns] = bnnaudit("check", "--help").out
    assert pages["0"] == pages["80"]
    assert pages["5"] == pages["20"]


def test_defaults_are_shown_as_they_are(bnnaudit: Bnnaudit) -> None:
    text = " ".join(bnnaudit("attack", "--help").out.replace("│", " ").split())
    for default in ("300", "linf", "identity, with pgd++ tanh:4..0.5:reach", "auto", "terminal", "1000"):
        assert f"[default: {default}]" in text
    assert "KIND[:WIDTH[..END][:UNIT]]" in text
    assert "[default: 100]" in " ".join(bnnaudit("clever", "--help").out.replace("│", " ").split())


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
        {"LANG": "C", "LC_ALL": ""},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_without_unicode_boxes_are_ascii(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bnnaudit", "check", "--help"],
        capture_output=True,
        check=True,
        env={**os.environ, **environment},
    )
    assert done.stdout.isascii()
    assert b"+- Model -" in done.stdout


def on_a_terminal(*arguments: str, **environment: str) -> str:
    """What `bnnaudit` writes to a terminal of its own."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "bnnaudit", *arguments]
    base = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM")}
    child = subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**base, "COLUMNS": "80", **environment})
    os.close(theirs)
    content = b""
    while True:
        try:
            block = os.read(ours, 65536)
        except OSError:  # Linux says so where the other end is closed
            break
        if not block:
            break
        content += block
    child.wait()
    os.close(ours)
    return content.decode()


def test_colours_are_for_terminals_that_have_them(bnnaudit: Bnnaudit) -> None:
    assert "\x1b[1;36m--card" in on_a_terminal("inspect", "--help", TERM="xterm")
    assert "\x1b" not in on_a_terminal("inspect", "--help", TERM="dumb")
    assert not re.search(r"\x1b\[[\d;]*3\dm", on_a_terminal("inspect", "--help", TERM="xterm", NO_COLOR="1"))
    assert "\x1b" not in bnnaudit("inspect", "--help").out


def test_a_report_has_colours_where_help_has_them(bnnaudit: Bnnaudit) -> None:
    assert "\x1b[1;36mFR301" in on_a_terminal("explain", "FR301", TERM="xterm")
    for environment in ({"TERM": "dumb"}, {"TERM": "xterm", "NO_COLOR": "1"}):
        assert "\x1b" not in on_a_terminal("explain", "FR301", **environment)
    assert "\x1b" not in bnnaudit("explain", "FR301").out


def test_without_a_command_the_help_is_shown_and_the_use_was_wrong(bnnaudit: Bnnaudit) -> None:
    ran = bnnaudit()
    assert ran.code == 2
    assert ran.out == bnnaudit("--help").out


def test_the_typer_that_is_installed_is_one_that_is_supported() -> None:
    """The command line rests on parts of Typer that change between minor versions."""
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    low, high = (
        tuple(map(int, text.split("."))) for text in re.search(r'"typer>=([\d.]+),<([\d.]+)"', project).groups()
    )
    assert low <= tuple(map(int, re.findall(r"\d+", version("typer")))) < high
