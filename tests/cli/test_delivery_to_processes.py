"""Real processes whose streams are full, closed or cut off, and that are interrupted: what their exit codes say."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import bnnaudit as package
from bnnaudit.cli.complaints import explained
from bnnaudit.core.errors import ModelError
from bnnaudit.core.exit_codes import PRECEDENCE, ExitCode, worst_delivered
from bnnaudit.core.suite import Failure, exit_code_of
from bnnaudit.reports.json.reading import read_document
from tests.cli.conftest import Ran
from tests.cli.waiting import GENEROUS, wait_for

Bnnaudit = Callable[..., Ran]
QUICK = "--data images.npz --effort quick --samples 20 --eps 0.3 --substitute none -q"
LEAST_FAILING = f"check fake.onnx {QUICK}"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1])}


def shell(line: str, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """A line of bash in the current folder; `bnnaudit` in it is the program."""
    program = f'bnnaudit() {{ {sys.executable} -m bnnaudit "$@"; }}; '
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": unbuffered}
    return subprocess.run(
        ["bash", "-c", program + line], env=environment, capture_output=True, text=True, timeout=GENEROUS, check=False
    )


@pytest.fixture
def stored(bnnaudit: Bnnaudit, folder: Path) -> Path:
    """A report in the current folder, longer than a disk that is nearly full takes."""
    assert bnnaudit("check", "fake.onnx", *QUICK.split(), "-o", "stored.json").code == 1
    return folder


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ulimit -f 4; bnnaudit render stored.json --format json > cut.json", "stdout: File too large"),
        ("bnnaudit render stored.json > /dev/full", "stdout: No space left on device"),
        ("bnnaudit render stored.json >&-", "stdout is closed"),
        ("bnnaudit render stored.json --report a.json >&-", "stdout is closed; the report is in a.json"),
        ("bnnaudit --version >&-", "stdout is closed"),
        ("bnnaudit explain FR301 > /dev/full", "stdout: No space left on device"),
    ],
)
def test_a_report_that_stdout_does_not_take(stored: Path, line: str, told: str, unbuffered: str) -> None:
    ran = shell(line, unbuffered)
    assert (ran.returncode, ran.stderr) == (2, f"bnnaudit: {told}\n")


@pytest.mark.parametrize("to", [">&-", "> /dev/full", "| true; exit ${PIPESTATUS[0]}"])
def test_a_failed_model_is_not_reported_failed_by_a_code_alone(folder: Path, to: str) -> None:
    """The files are written all the same, and the history is kept."""
    ran = shell(f"{LEAST_FAILING} --report a.json --history kept {to}".replace("check", "bnnaudit check", 1))
    assert ran.returncode in (2, 3)
    assert ran.stderr.endswith("; the report is in a.json\n")
    assert ran.stderr.count("\n") == 1
    assert exit_code_of(read_document((folder / "a.json").read_text(), "a.json")) is ExitCode.FAILED  # type: ignore[arg-type]
    assert len(list((folder / "kept").rglob("*.json"))) == 1


@pytest.mark.parametrize("to", ["2>&-", "2> /dev/full"])
def test_stderr_changes_nothing(stored: Path, to: str) -> None:
    ran = shell(f"bnnaudit render stored.json {to}")
    assert ran.returncode == 0
    assert ran.stdout == shell("bnnaudit render stored.json").stdout
    assert shell(f"bnnaudit render absent.json {to}").returncode == 2


def test_a_whole_report_in_a_pipe_whose_reader_wants_one_line(stored: Path) -> None:
    """It fits into the pipe, so it was delivered: the pipe's size is Linux's 64 KiB."""
    assert (stored / "stored.json").stat().st_size < 2**16
    with started("render", "stored.json", "--format", "json") as process:
        assert process.wait(GENEROUS) == 0
        assert process.stdout is not None
        assert process.stdout.readline() == "{\n"


def test_no_stdin_is_no_bug(folder: Path) -> None:
    ran = shell("bnnaudit render - <&-")
    assert (ran.returncode, ran.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize("delivered", [ExitCode.BAD_INPUT, ExitCode.UNFINISHED])
@pytest.mark.parametrize("judged", PRECEDENCE)
def test_passed_and_failed_are_said_only_with_everything_delivered(delivered: ExitCode, judged: ExitCode) -> None:
    assert worst_delivered(ExitCode.PASSED, [judged]) is judged
    assert worst_delivered(delivered, [judged]) in {delivered, judged} - {ExitCode.PASSED, ExitCode.FAILED}


def started(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bnnaudit", *words]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def hears(process: subprocess.Popen[str]) -> bool:
    """Whether a process answers SIGTERM, which Python itself does not; it does so from its own first import on."""
    (line,) = re.findall(r"^SigCgt:\s*(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
    return bool(int(line, 16) >> (signal.SIGTERM - 1) & 1)


LONG = f"check honest.onnx {QUICK} --report a.json --evidence ev --effort thorough --all --samples 60 --queries 20000".split()


@pytest.mark.parametrize(
    ("number", "after"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0.4), (signal.SIGHUP, 0.5), (signal.SIGINT, 1.2), (signal.SIGTERM, 1.8)],
)
def test_an_interruption_at_any_moment(folder: Path, number: signal.Signals, after: float) -> None:
    """Also while modules are imported. A report of an earlier run is gone, and nothing half written is there."""
    (folder / "a.json").write_text("earlier")
    process = started(*LONG)
    wait_for(lambda: hears(process), process)
    time.sleep(after)
    process.send_signal(number)
    out, err = process.communicate(timeout=GENEROUS)
    assert process.returncode == ExitCode.UNFINISHED
    assert bool(out) != (err == "bnnaudit: interrupted; nothing was finished\n"), err
    left = read_document((folder / "a.json").read_text(), "a.json")
    assert exit_code_of(left) is ExitCode.UNFINISHED  # type: ignore[arg-type]
    assert isinstance(left, Failure) is (not out)
    assert not list(folder.glob(".bnnaudit-*"))


def test_a_second_interruption_ends_at_once(folder: Path) -> None:
    """The first comes while modules are imported and is heard later."""
    code = (
        "import os, signal, bnnaudit.__main__ as entry\n"
        "entry.listen()\n"
        "os.kill(os.getpid(), signal.SIGINT)\n"
        "from bnnaudit.core.part_files import part_beside\n"
        "from pathlib import Path\n"
        "with part_beside(Path('report.json')) as part:\n"
        "    part.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('not reached')\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "", "bnnaudit: interrupted twice; ended at once\n")
    assert not list(folder.glob(".bnnaudit-*"))


LOSES = """
import bnnaudit.__main__ as entry
entry.listen()
from bnnaudit.cli import interrupts
interrupts.release()
import os, signal, sys, time

class Finalizer:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

try:
    Finalizer()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass
except KeyboardInterrupt:
    sys.exit(3)
"""


def test_an_interruption_that_python_would_lose_comes_again() -> None:
    """In a finalizer Python prints it, with a traceback, and goes on."""
    ran = subprocess.run([sys.executable, "-c", LOSES], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (3, "", "")


def test_an_error_that_an_interruption_was_made_into_is_no_bad_input(monkeypatch: pytest.MonkeyPatch) -> None:
    error = ModelError("m.onnx: cannot be read")
    error.__cause__ = KeyboardInterrupt()
    monkeypatch.setattr("bnnaudit.cli.interrupts._heard", True)
    assert explained(error) == ("interrupted; nothing was finished", ExitCode.UNFINISHED)
    assert explained(ModelError("m.onnx: no such file"))[1] is ExitCode.BAD_INPUT


def test_a_signal_that_is_ignored_stays_ignored(folder: Path) -> None:
    """As `nohup` has it, and a shell for its background jobs."""
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "import bnnaudit.__main__ as entry\n"
        "entry.listen()\n"
        "os.kill(os.getpid(), signal.SIGHUP)\n"
        "import sys; sys.argv = ['bnnaudit', '--version']\n"
        "entry.main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith("bnnaudit, version")


def test_the_console_script_listens_before_it_imports() -> None:
    """What the entry imports is what a signal has to wait for."""
    code = "import sys, bnnaudit.__main__; print({'typer', 'rich', 'typing', 'numpy'} & set(sys.modules))"
    ran = subprocess.run(
        [sys.executable, "-S", "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert ran.stdout == "set()\n"
