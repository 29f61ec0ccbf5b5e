"""The judge of the fuzzer finds what is planted: a fuzzer whose judge cannot fail finds nothing."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.fuzz.case import Case, kept_case
from tests.bench.fuzz.kinds import sound
from tests.bench.fuzz.oracle import problems_of
from tests.bench.fuzz.running import Place, run_apart, run_forked

CASE = Case(("check", "m.onnx"), {"m.onnx": b"model", "d/0/a.png": b"image"}, {"d/link": "0/a.png"}, ("made",))
MIB = 2**20


def kinds_of(
    tmp_path: Path, run: Callable[[], object], case: Case = CASE, seconds: float = 30.0, bytes_: int = 2**32
) -> list[str]:
    """The kinds of the problems that are found with a program."""
    place = Place(tmp_path)
    place.make()
    case.write(place.inside)
    ending = run_forked(case.arguments, place, seconds, bytes_, run)
    return [problem.split(":")[0] for problem in problems_of(case, place, ending, seconds, bytes_)]


def answer(code: int = 0, out: str = "fine\n", err: str = "") -> Callable[[], None]:
    """A program that says this."""

    def run() -> None:
        sys.stdout.write(out)
        sys.stderr.write(err)
        sys.exit(code)

    return run


def after(act: Callable[[], object]) -> Callable[[], None]:
    """A program that does this and then ends well."""

    def run() -> None:
        act()
        answer()()

    return run


def own_memory() -> int:
    """Bytes that a fork of this process has from its first moment: what is mapped from files comes later, page by page."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:"))


@pytest.mark.parametrize(
    "run",
    [
        answer(0),
        answer(1, "failed\n"),
        answer(2, "", "bnnaudit: refused\n"),
        answer(2, "a comparison that cannot be\n"),
        answer(3, "undecided\n"),
        answer(3, "", "bnnaudit: interrupted\n"),
        answer(0, "weiß \u2265 1\n"),
        after(lambda: (Path("made").mkdir(), Path("made/report.json").write_text("x"))),
        after(lambda: Path("d/0/a.png").read_bytes()),
    ],
)
def test_what_is_allowed(tmp_path: Path, run: Callable[[], object]) -> None:
    assert kinds_of(tmp_path, run) == []


def _raise() -> None:
    raise ValueError("planted")


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def _shown() -> None:
    sys.stderr.write("Traceback (most recent call last):\n")
    sys.exit(2)


PLANTED: dict[str, tuple[Callable[[], object], str]] = {
    "a traceback": (_raise, "traceback"),
    "a traceback that is shown": (_shown, "traceback"),
    "exit code 70": (answer(70, "", "bnnaudit: a bug\n"), "exit code"),
    "exit code 130": (answer(130), "exit code"),
    "a crash": (_kill, "signal"),
    "two lines": (answer(2, "", "one\ntwo\n"), "lines on stderr"),
    "no line": (answer(2, ""), "lines on stderr"),
    "a library's warning": (answer(0, "fine\n", "UserWarning: old\n"), "lines on stderr"),
    "an escape on stdout": (answer(0, "a\x1b[2Jb\n"), "control character"),
    "an escape on stderr": (answer(2, "", "a\x9bb\n"), "control character"),
    "a direction mark": (answer(2, "", "a\u202eb\n"), "control character"),
    "a carriage return": (answer(0, "a\rb\n"), "control character"),
    "bytes that are no text": (after(lambda: os.write(1, b"\xff\xfe\n")), "encoding"),
    "a pass that says nothing": (answer(0, ""), "no answer"),
    "a file": (after(lambda: Path("extra").write_text("x")), "written"),
    "a file beside what was asked for": (after(lambda: Path("made.tmp").write_text("x")), "written"),
    "a folder": (after(lambda: Path("extra").mkdir()), "written"),
    "a file in the home folder": (after(lambda: (Path.home() / ".cache").write_text("x")), "written"),
    "a temporary file": (after(lambda: Path(os.environ["TMPDIR"], "x").write_text("x")), "written"),
    "an input changed": (after(lambda: Path("m.onnx").write_text("x")), "changed"),
    "an input removed": (after(lambda: Path("m.onnx").unlink()), "changed"),
    "a link replaced": (after(lambda: Path("d/0/a.png").replace("d/link")), "changed"),
    "a process": (after(lambda: subprocess.run(["true"], check=True)), "act"),
    "a connection": (after(lambda: socket.socket(socket.AF_UNIX).connect_ex("/nowhere")), "act"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(tmp_path: Path, name: str) -> None:
    run, kind = PLANTED[name]
    assert kind in kinds_of(tmp_path, run)


def test_a_file_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    elsewhere = tmp_path / "elsewhere"
    assert kinds_of(tmp_path / "case", after(lambda: elsewhere.write_text("x"))) == ["act"]
    assert elsewhere.exists()


@pytest.mark.parametrize(
    "run", [lambda: time.sleep(60), lambda: [None for _ in iter(int, 1)]], ids=["waits", "computes"]
)
def test_a_hang_is_found_and_ended(tmp_path: Path, run: Callable[[], object]) -> None:
    started = time.monotonic()
    assert kinds_of(tmp_path, run, seconds=0.5) == ["hang"]
    assert time.monotonic() - started < 30


def _fill(size: int, seconds: float) -> None:
    held = bytearray(size)
    held[:: resource.getpagesize()] = b"x" * len(range(0, size, resource.getpagesize()))
    time.sleep(seconds)


def _fill_in_child() -> None:
    child = os.fork()
    if child == 0:
        _fill(400 * MIB, 0)
        os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    "run",
    [lambda: _fill(400 * MIB, 60), lambda: _fill(400 * MIB, 0), _fill_in_child],
    ids=["held", "given back", "child"],
)
def test_too_much_memory_is_found(tmp_path: Path, run: Callable[[], object]) -> None:
    assert "memory" in kinds_of(tmp_path, after(run), bytes_=own_memory() + 200 * MIB)


def test_memory_that_the_system_refused_is_found(tmp_path: Path) -> None:
    """The limit on addresses keeps the machine alive; what the program then says of it is no good ending."""

    def run() -> None:
        try:
            bytearray(100 * 2**30)
        except MemoryError:
            answer(3, "", "bnnaudit: out of memory\n")()

    assert kinds_of(tmp_path, run) == ["memory"]


@pytest.mark.parametrize(
    ("code", "report", "kinds"),
    [
        (0, {"gate": {"outcome": "passed"}, "verdict": {"status": "honest"}}, []),
        (1, {"gate": {"outcome": "failed"}, "verdict": {"status": "fake"}}, []),
        (0, {"gate": {"outcome": "failed"}, "verdict": {"status": "fake"}}, ["answer"]),
        (0, {"gate": {"outcome": "passed"}, "verdict": None}, ["answer"]),
        (0, {"message": "cannot be read"}, ["no answer"]),
        (0, None, ["no answer"]),
        (2, None, []),
    ],
)
def test_a_pass_comes_with_its_report(tmp_path: Path, code: int, report: object, kinds: list[str]) -> None:
    case = Case(("check", "m.onnx"), {"m.onnx": sound.model()}, report="-")
    text = "text\n" if report is None else json.dumps(report)
    assert kinds_of(tmp_path, answer(code, text), case) == kinds


def test_a_pass_about_what_does_not_load_is_found(tmp_path: Path) -> None:
    case = Case(("check", "m.onnx"), {"m.onnx": sound.model()[:-40]}, report="-")
    report = {"gate": {"outcome": "passed"}, "verdict": {"status": "honest"}}
    assert kinds_of(tmp_path, answer(0, json.dumps(report)), case) == ["answer"]


def test_a_case_is_kept_as_it_was(tmp_path: Path) -> None:
    CASE.keep(tmp_path / "kept", {"problems": ["hang"]})
    assert kept_case(tmp_path / "kept") == CASE


def test_the_program_in_a_process_of_its_own(tmp_path: Path) -> None:
    case = Case(("inspect", "absent.onnx"), {})
    place = Place(tmp_path)
    place.make()
    ending = run_apart(case.arguments, place)
    assert (ending.code, problems_of(case, place, ending)) == (2, [])
    assert ending.peak > 10 * MIB
