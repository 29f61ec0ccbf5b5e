"""Completion, asked for as bash, zsh and fish ask for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.models import ParameterInfo

from bnnaudit.cli.attack_settings import METHODS
from bnnaudit.cli.main import COMMANDS, program
from bnnaudit.cli.paths import matching
from bnnaudit.cli.values import choice
from bnnaudit.core.attack import BetaRule, ErrorSignal, LossKind
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import Layout
from bnnaudit.core.reproduction import TableName
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.core.sweep import Parameter
from bnnaudit.rules.table import RULES

ROOT = Path(__file__).parents[2]
SHELLS = ("bash", "zsh", "fish")


def answer(instruction: str, folder: Path = ROOT, **environment: str) -> str:
    """What the program prints to a shell."""
    done = subprocess.run(
        [sys.executable, "-m", "bnnaudit"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", ""))),
            "_BNNAUDIT_COMPLETE": instruction,
            **environment,
        },
    )
    assert done.stderr == ""
    return done.stdout


def completed(shell: str, *words: str, folder: Path = ROOT) -> list[str]:
    """The candidates for the last word."""
    line = " ".join(words)
    if shell == "bash":
        return answer("complete_bash", folder, COMP_WORDS=line, COMP_CWORD=str(len(words) - 1)).split()
    if shell == "zsh":
        text = answer("complete_zsh", folder, _TYPER_COMPLETE_ARGS=line)
        return re.findall(r'^(?:_arguments .*\(\()?"([^"]*)"', text, re.MULTILINE)
    text = answer("complete_fish", folder, _TYPER_COMPLETE_ARGS=line, _TYPER_COMPLETE_FISH_ACTION="get-args")
    return [entry.partition("\t")[0] for entry in text.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_commands_options_codes_and_files(shell: str, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").touch()
    (tmp_path / "notes.md").touch()
    assert completed(shell, "bnnaudit", "s") == ["sweep", "signal"]
    assert completed(shell, "bnnaudit", "check", "x.onnx", "--thr") == ["--threads"]
    assert completed(shell, "bnnaudit", "explain", "FR") == [code for code in RULES if code.startswith("FR")]
    assert completed(shell, "bnnaudit", "check", "n", folder=tmp_path) == ["net.onnx"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_gets_its_script(shell: str) -> None:
    script = answer(f"source_{shell}")
    assert f"_BNNAUDIT_COMPLETE=complete_{shell}" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_completion_is_shown_and_installed_for_the_shell_that_asks(tmp_path: Path) -> None:
    bnnaudit = f"{sys.executable} -m bnnaudit"
    environment = {**os.environ, "HOME": str(tmp_path)}
    for option in ("--show-completion", "--install-completion"):
        shown = subprocess.run(
            ["bash", "-c", f"{bnnaudit} {option}; exit $?"], capture_output=True, text=True, check=True, env=environment
        )
        assert "_bnnaudit_completion" in shown.stdout or "bash completion installed" in shown.stdout
    assert "_bnnaudit_completion" in (tmp_path / ".bash_completions" / "bnnaudit.sh").read_text()


def test_codes_are_completed_in_the_letters_that_are_typed() -> None:
    assert completed("bash", "bnnaudit", "explain", "fr3") == ["fr301", "fr302", "fr303"]


@pytest.mark.parametrize("instruction", ["nonsense", "source_ksh", "complete_bash"])
def test_a_shell_that_asks_wrongly_is_no_failed_model(instruction: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMP_")}
    done = subprocess.run(
        [sys.executable, "-m", "bnnaudit"],
        capture_output=True,
        text=True,
        check=False,
        env={**environment, "_BNNAUDIT_COMPLETE": instruction},
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


VALUES = {
    "attack": {
        "method": METHODS,
        "beta": [rule for rule in BetaRule if rule is not BetaRule.FIXED],
        "surrogate": list(SurrogateKind),
        "loss": list(LossKind),
        "error_signal": list(ErrorSignal),
        "layout": ["auto", *Layout],
    },
    "check": {"effort": list(Effort), "norm": ["linf", "l2"], "serve_as": ["any", "exact", "default"]},
    "sweep": {"over": list(Parameter)},
    "reproduce": {"table": [*TableName, "all"]},
    "explain": {"code": list(RULES)},
}


def parameter_of(command: str, name: str):
    found = program.get_command(typer.Context(program), command)
    return found, next(parameter for parameter in found.params if parameter.name == name)


@pytest.mark.parametrize(("command", "name"), [(one, name) for one, names in VALUES.items() for name in names])
def test_all_values_are_completed(command: str, name: str) -> None:
    found, parameter = parameter_of(command, name)
    values = [item.value for item in parameter.shell_complete(typer.Context(found), "")]
    assert values == list(map(str, VALUES[command][name]))


@pytest.mark.parametrize(
    ("command", "name", "expected"),
    [
        ("check", "models", ["b.pt", "c.pth", "d.safetensors", "deep/", "net.onnx"]),
        ("check", "source", ["data.npz", "deep/", "pictures.zip"]),
        ("check", "card", ["deep/", "net.toml"]),
        ("train", "recipe", ["deep/", "net.toml"]),
    ],
)
def test_files_of_the_right_kind_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, name: str, expected: list[str]
) -> None:
    kinds = "net.onnx net.toml b.pt c.pth d.safetensors data.npz pictures.zip notes.md .hidden.onnx .hidden.npz"
    for file in kinds.split():
        (tmp_path / file).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "net.toml").touch()
    monkeypatch.chdir(tmp_path)
    found, parameter = parameter_of(command, name)
    items = [item.value for item in parameter.shell_complete(typer.Context(found), "")]
    assert [item for item in items if item[0].islower()] == expected


def test_a_folder_that_is_the_only_way_is_walked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models" / "v1").mkdir(parents=True)
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / "models" / "v1" / name).touch()
    monkeypatch.chdir(tmp_path)
    assert matching("m", (".onnx",)) == ["models/v1/a.onnx", "models/v1/b.onnx"]
    assert matching("absent/", (".onnx",)) == []
    assert matching(f"{tmp_path}/models/v1/a", (".onnx",)) == [f"{tmp_path}/models/v1/a.onnx"]


@pytest.mark.parametrize("name", COMMANDS)
def test_no_help_is_read_as_markup_where_a_shell_shows_it(name: str) -> None:
    """Typer passes it through rich, where [word] would be a style."""
    for parameter in program.get_command(typer.Context(program), name).params:
        assert not re.search(r"\[[a-z#/@]", parameter.help), parameter.help


def test_kinds_of_values_are_arguments_of_typer_s() -> None:
    assert set(vars(choice(Effort))) <= set(vars(ParameterInfo()))
