"""Reports that an earlier run left: none is there any more after a run that was refused, ended or killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, exit_code_of
from bnnaudit.reports.formats import SUFFIXES
from bnnaudit.reports.json.reading import read_document
from tests.cli.conftest import Ran, write_model
from tests.cli.waiting import GENEROUS, wait_for

Bnnaudit = Callable[..., Ran]
QUICK = ("--effort", "quick", "--samples", "20", "--eps", "0.3", "--substitute", "none")
EARLIER = "what an earlier run left"


@pytest.fixture
def folder(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with images, an honest network, and a report of each suffix."""
    monkeypatch.chdir(tmp_path)
    write_model(tmp_path / "honest.onnx", scale=0.05)
    for suffix in SUFFIXES:
        (tmp_path / f"audit{suffix}").write_text(EARLIER)
    return tmp_path


def failure_in(path: Path) -> Failure:
    found = read_document(path.read_text(), str(path))
    assert isinstance(found, Failure)
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("honest.onnx", "--min-verified", "130%"),
        ("honest.onnx", "--no-such-option"),
        ("honest.onnx", "--report", "audit.unknown"),
        ("honest.onnx", "--card", "absent.toml"),
        (),
        ("honest.onnx", "--report", "json=honest.onnx"),
        ("honest.onnx", "--report", "json=images.npz"),
        ("honest.onnx", "--report", "html=audit.json"),
    ],
)
def test_a_command_line_that_is_refused_leaves_none(bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...]) -> None:
    before = {name: (folder / name).read_bytes() for name in ("honest.onnx", "images.npz")}
    reports = [f"--report=audit{suffix}" for suffix in SUFFIXES if suffix not in (".json", ".txt")]
    ran = bnnaudit("check", *words, "--data", "images.npz", *QUICK, *reports, "--report", "audit.json", "-oaudit.txt")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert [suffix for suffix in SUFFIXES if (folder / f"audit{suffix}").read_text() == EARLIER] == []
    assert failure_in(folder / "audit.json").message in ran.err
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert not (folder / "audit.unknown").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--report", "json=card.toml", "--no-such-option"),
        ("--card", "audit.json", "--report", "audit.json", "--no-such-option"),
        ("--card=audit.json", "--report=audit.json", "--no-such-option"),
        ("--card", "audit.json", "--report", "./audit.json"),
        ("--report", "json=bnnaudit.toml"),
        ("absent.onnx", "--report", "json=card.toml"),
        ("absent.onnx", "--report", "link.json"),
        ("--report", "link.json", "--no-such-option"),
    ],
)
def test_what_is_read_or_may_be_is_left_as_it_is(bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...]) -> None:
    for name in ("card.toml", "bnnaudit.toml", "audit.json"):
        (folder / name).write_text("[data]\nsamples = 20\n")
    (folder / "link.json").symlink_to("honest.onnx")
    before = {path: path.read_bytes() for path in folder.iterdir()}
    assert bnnaudit("check", "honest.onnx", "--data", "images.npz", *QUICK, *words).code == 2
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize(
    "words",
    [
        ("chek", "honest.onnx", "--report", "audit.json"),
        ("--bogus", "check", "honest.onnx", "--report", "audit.json"),
        ("chek", "-oaudit.json"),
    ],
)
def test_a_misspelt_command_leaves_none(bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...]) -> None:
    ran = bnnaudit(*words)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert failure_in(folder / "audit.json").message in ran.err


@pytest.mark.parametrize("settings", ["bnnaudit.toml", "honest.toml", "other.toml"])
@pytest.mark.parametrize("text", ["[policy]\nbaseline = 'audit.json'\n", "[[[ baseline = 'audit.json'"])
@pytest.mark.parametrize(
    "words",
    [
        ("chek", "honest.onnx"),
        ("check", "honest.onnx", "--no-such-option"),
        ("check", "absent.onnx", "honest.onnx"),
        ("check", "honest.onnx", "--data", "absent.npz"),
        ("check", "honest.onnx", "--data", "images.npz"),
    ],
)
def test_a_baseline_that_settings_alone_name_is_kept(
    bnnaudit: Bnnaudit, folder: Path, words: tuple[str, ...], settings: str, text: str
) -> None:
    (folder / settings).write_text(text)
    card = ("--card", "other.toml") if settings == "other.toml" else ()
    assert bnnaudit(*words, *card, "--report", "audit.json").code == 2
    assert (folder / "audit.json").read_text() == EARLIER


def test_a_wrong_command_line_makes_no_new_file(bnnaudit: Bnnaudit, folder: Path) -> None:
    before = sorted(folder.iterdir())
    assert bnnaudit("check", "honest.onnx", "--report", "new.json", "--no-such-option").code == 2
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("command", ["attack", "sweep", "signal", "clever"])
def test_other_commands_do_the_same(bnnaudit: Bnnaudit, folder: Path, command: str) -> None:
    assert bnnaudit(command, "honest.onnx", "--report", "audit.json", "--no-such-option").code == 2
    assert "no-such-option" in failure_in(folder / "audit.json").message


def test_reports_that_are_to_be_rendered_are_not_taken_for_those_to_write(bnnaudit: Bnnaudit, folder: Path) -> None:
    assert bnnaudit("render", "audit.json", "--report", "audit.json", "--no-such-option").code == 2
    assert (folder / "audit.json").read_text() == EARLIER


def started(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    """A process whose audit takes minutes, once it has begun: the report of an earlier run is then no longer there."""
    command = (sys.executable, "-m", "bnnaudit", "check", "honest.onnx", "--data", "images.npz", "--eps", "0.3", *words)
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    wait_for(lambda: (folder / "audit.json").read_text() != EARLIER, process)
    return process


@pytest.mark.parametrize(("ended", "code"), [(signal.SIGTERM, 3), (signal.SIGKILL, -signal.SIGKILL)])
def test_a_process_that_is_ended_leaves_no_result_of_another(folder: Path, ended: signal.Signals, code: int) -> None:
    """A service asks a job to end, and then kills it, as the kernel does where memory is short."""
    process = started(folder, "--effort", "thorough", "--all", "--report", "audit.json")
    assert "has not finished" in failure_in(folder / "audit.json").message
    process.send_signal(ended)
    process.communicate(timeout=GENEROUS)
    assert process.returncode == code
    left = read_document((folder / "audit.json").read_text(), "audit.json")
    assert isinstance(left, Failure | Report)
    assert exit_code_of(left) is ExitCode.UNFINISHED


@pytest.mark.parametrize("command", ["check", "attack", "sweep", "signal", "render", "compare", "history"])
def test_a_command_without_a_word_is_wrong_use_and_no_bug(bnnaudit: Bnnaudit, folder: Path, command: str) -> None:
    ran = bnnaudit(command)
    assert ran.code == ExitCode.BAD_INPUT
    assert ran.err.startswith("bnnaudit: Missing ")
