"""Progress in a log: a line now and then, and none of a short run."""

from __future__ import annotations

import time

import pytest
from _pytest.capture import CaptureResult

from bnnaudit.cli import progress
from bnnaudit.cli.progress import ProgressLines, progress_bar
from tests.cli.waiting import GENEROUS


class Clock:
    """Seconds as the test says."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_line_says_what_is_done_and_how_long_the_rest_takes() -> None:
    clock = Clock()
    lines = ProgressLines(clock)
    assert lines.line() == "bnnaudit: starting"
    lines.begin("2 of 5")
    lines.task("loading")
    assert lines.line() == "bnnaudit: 2 of 5: loading"
    lines.plan(200)
    lines.task("PGD\x1b[31m")
    lines.advance(1)
    clock.now += 30
    assert lines.line() == "bnnaudit: 2 of 5: PGD\\x1b[31m, 0 %"
    lines.advance(20)
    lines.advance(29)
    assert lines.line().endswith(", 25 %, about 90 s left".replace("90 s", "2 min"))
    lines.plan(100)
    assert lines.line().endswith(", 50 %, about 30 s left")
    clock.now += 100_000
    assert lines.line().endswith("about 27.8 h left")
    lines.begin("")
    assert lines.line() == "bnnaudit: starting"


def test_more_than_was_planned_is_all() -> None:
    lines = ProgressLines(Clock())
    lines.plan(10)
    lines.advance(11)
    assert lines.line() == "bnnaudit: starting, 100 %, about 0 s left"


def something_written(capsys: pytest.CaptureFixture[str]) -> CaptureResult[str]:
    """What is written to stderr as soon as something is; the thread that writes may have to wait for a processor."""
    until = time.monotonic() + GENEROUS
    while not (written := capsys.readouterr()).err and time.monotonic() < until:
        time.sleep(0.01)
    return written


def test_lines_are_written_while_a_step_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    lines = ProgressLines()
    lines.task("a long step")
    with lines.written(every=0.01):
        written = something_written(capsys)
    assert written.err.startswith("bnnaudit: a long step\n")
    assert written.out == ""
    capsys.readouterr()
    time.sleep(0.05)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("quiet", "every", "lines"), [(False, 0.01, True), (True, 0.01, False), (False, 30.0, False)])
def test_a_short_or_quiet_run_writes_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, quiet: bool, every: float, lines: bool
) -> None:
    monkeypatch.setattr(progress, "EVERY", every)
    with progress_bar(quiet) as shown:
        shown.begin("")
        shown.task("working")
        if lines:
            assert something_written(capsys).err
        else:
            time.sleep(0.1)
    assert lines or not capsys.readouterr().err


def test_the_first_line_comes_after_half_a_minute() -> None:
    assert progress.EVERY == 30
