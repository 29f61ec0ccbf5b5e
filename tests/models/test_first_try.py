"""Work that is tried in a process of its own: what comes back, and what it may take. Where there is no fork, by time alone."""

import os
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from bnnaudit.core.errors import ModelError, UnsupportedOperatorsError
from bnnaudit.core.file_limits import GIB, OPENING_MEMORY, OPENING_SECONDS
from bnnaudit.core.limits import Limits, limits_set
from bnnaudit.core.stages import doing
from bnnaudit.models import first_try
from bnnaudit.models.first_try import tried_first


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "m.onnx"
    path.write_bytes(b"model")
    return path


def refuse() -> None:
    raise UnsupportedOperatorsError("m.onnx: no such operator")


def fail() -> None:
    raise LookupError("a bug")


def fill(size: int) -> int:
    doing("filling memory")
    return int(np.ones(size, np.uint8).sum())


def never_end() -> None:
    doing("waiting for nothing")
    while True:
        pass


def sleep() -> None:
    doing("sleeping")
    time.sleep(1000)


def crash() -> None:
    doing("crashing")
    os.kill(os.getpid(), signal.SIGSEGV)


def be_ended(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(1000)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_ends_a_job_says_nothing_of_the_file(file: Path, number: int) -> None:
    """It is sent to all of a job's processes, and heard there first."""
    with pytest.raises(KeyboardInterrupt):
        tried_first(file, partial(be_ended, number))


def test_what_it_returns_comes_back(file: Path) -> None:
    assert tried_first(file, partial(fill, 10)) == 10


def test_its_own_errors_come_back_as_they_are(file: Path) -> None:
    with pytest.raises(UnsupportedOperatorsError, match=r"^m.onnx: no such operator$"):
        tried_first(file, refuse)


def test_a_bug_is_left_to_whoever_does_the_work(file: Path) -> None:
    assert tried_first(file, fail) is None


def test_what_it_prints_is_not_seen(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def talk() -> int:
        os.write(2, b"terminate called after throwing an instance of std::bad_alloc")
        print("loud")  # noqa: T201
        return 1

    assert tried_first(file, talk) == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.skipif(not first_try.FORKS, reason="only Linux limits the address space")
@pytest.mark.parametrize(("size", "fits"), [(OPENING_MEMORY.most // 8, True), (OPENING_MEMORY.most + GIB, False)])
def test_memory(file: Path, size: int, fits: bool) -> None:
    if fits:
        assert tried_first(file, partial(fill, size)) == size
        return
    with pytest.raises(ModelError, match=r"filling memory takes more than 3\.0 GiB of memory; refused \(--limits none"):
        tried_first(file, partial(fill, size))


@pytest.mark.skipif(not first_try.FORKS, reason="only Linux limits the address space")
def test_weights_beside_the_model_are_allowed_for(file: Path) -> None:
    def work() -> int:
        first_try.allow_for(GIB)
        return fill(OPENING_MEMORY.most // 8)

    assert tried_first(file, work) == OPENING_MEMORY.most // 8


@pytest.mark.parametrize(
    ("work", "words"),
    [
        (never_end, r"waiting for nothing takes more than (1 s of processor time|3 s)"),
        (sleep, "sleeping takes more than 3 s"),
    ],
)
def test_time(file: Path, monkeypatch: pytest.MonkeyPatch, work: object, words: str) -> None:
    monkeypatch.setattr(first_try, "OPENING_SECONDS", replace(OPENING_SECONDS, most=1))
    with pytest.raises(ModelError, match=rf"m\.onnx: {words}; refused"):
        tried_first(file, work)  # type: ignore[arg-type]


def test_a_crash_takes_that_process_alone(file: Path) -> None:
    with pytest.raises(ModelError, match=r"m\.onnx: crashing crashes \(SIGSEGV\) or runs out of memory; refused"):
        tried_first(file, crash)


def test_threads_of_the_parent_do_not_matter(file: Path) -> None:
    """OpenMP's threads do not survive a fork, and a parallel loop would wait for them for ever."""
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    try:
        large = torch.ones(2000, 2000)
        assert float((large @ large)[0, 0]) == 2000
        assert tried_first(file, lambda: float((large @ large).exp().isinf().float().mean())) == 1.0
        assert torch.get_num_threads() == 4
    finally:
        torch.set_num_threads(before)


def test_nothing_is_tried_without_limits(file: Path) -> None:
    with limits_set(Limits.NONE):
        assert tried_first(file, partial(fill, 10)) is None


def test_an_interrupt_ends_the_process_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> object:
        raise KeyboardInterrupt

    ended: list[int] = []
    kill = os.kill
    monkeypatch.setattr(first_try.os, "fdopen", interrupted)
    monkeypatch.setattr(first_try.os, "kill", lambda child, number: (ended.append(number), kill(child, number)))
    with pytest.raises(KeyboardInterrupt):
        tried_first(file, sleep)
    assert ended == [signal.SIGKILL]


def test_a_new_interpreter_does_the_same(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no fork; the interpreter does not look into the current folder, in which a stranger's files may lie."""
    monkeypatch.setattr(first_try, "FORKS", False)
    monkeypatch.setenv("PYTHONPATH", str(Path(first_try.__file__).parents[2]))
    monkeypatch.chdir(file.parent)
    (file.parent / "torch.py").write_text("raise SystemExit('a stranger')")
    assert tried_first(file, partial(int, "7")) == 7
    monkeypatch.setattr(first_try, "STARTING", 1)
    monkeypatch.setattr(first_try, "OPENING_SECONDS", replace(OPENING_SECONDS, most=1))
    with pytest.raises(ModelError, match="takes more than 3 s"):
        tried_first(file, partial(time.sleep, 100))


def without_autograd() -> str:
    """What a fork meets where autograd had threads, and a new interpreter does not."""
    if multiprocessing_by_fork():
        raise ModelError("the conversion failed") from RuntimeError(
            "... in combination with fork-based multiprocessing."
        )
    return "done anew"


def multiprocessing_by_fork() -> bool:
    return first_try.under_limits()


def test_a_fork_that_has_lost_the_threads_of_autograd_is_followed_by_a_new_interpreter(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(b"x")
    assert tried_first(path, without_autograd) == "done anew"
