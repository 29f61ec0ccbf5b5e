"""Work on a stranger's file, done first in a process of its own under limits that C++ code obeys as well.

A protocol buffer, a shape inference or a kernel that asks for more memory than there is, never ends or crashes takes only that
process with it. On Linux it is a fork, which costs milliseconds, and the limits are those of the operating system: address space,
processor time and time on the clock. Elsewhere it is a new interpreter under a limit of time alone. It is no sandbox: code in the
file would run with the user's rights, if there were any.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import torch

from bnnaudit.core.errors import AuditError, ModelError, is_out_of_memory
from bnnaudit.core.file_limits import (
    GIB,
    LIFTED,
    MEMORY_OF_WEIGHTS,
    OPENING_MEMORY,
    OPENING_SECONDS,
    SECONDS_OF_WEIGHTS,
    WAITING,
)
from bnnaudit.core.limits import limited
from bnnaudit.core.stages import telling

Result = TypeVar("Result")

_UNDER_LIMITS: ContextVar[bool] = ContextVar("under_limits", default=False)

FORKS = sys.platform == "linux"
"""Where a fork of a process with threads is safe for code that starts none, and the address space can be limited."""
STARTING = 60
"""Seconds that a new interpreter may take to import the program; not tuned."""
TIMERS = (24, 14)
"""SIGXCPU and SIGALRM, which some platforms do not name."""
THREADS_LOST = "threads lost"
"""What a fork says where autograd had started threads in the process before: they are gone, and it then computes no gradient."""
NO_AUTOGRAD = "fork-based multiprocessing"
"""Words of PyTorch's error for that."""
ENDING = (2, 15, 1)
"""SIGINT, SIGTERM and SIGHUP, which end this program and not what is wrong with a file."""
KILLED = 9
"""SIGKILL, as Linux sends it where the memory of the machine runs out."""


def tried_first(path: Path, work: Callable[[], Result]) -> Result | None:
    """What `work` on the file at `path` returns in a process of its own; None where that could not tell.

    Raises its AuditError, and ModelError if it needed more time or memory than a file may cost, or crashed. Where limits are
    lifted nothing is tried. work: picklable where there is no fork, as its result and its errors are everywhere.
    """
    if not limited():
        return None
    with suppress(OSError):
        size = path.stat().st_size
        # CUDA does not survive a fork.
        told, ended = _forked(work, size) if FORKS and not _uses_cuda() else _spawned(work, size)
        if [kind for kind, _ in _messages(told)][-1:] == [THREADS_LOST]:
            told, ended = _spawned(work, size)
        result: Result | None = _outcome(path, list(_messages(told)), ended, size)
        return result
    return None


def _uses_cuda() -> bool:
    """Whether this process has computed on CUDA."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def _outcome(path: Path, messages: list[tuple[str, Any]], ended: int, size: int) -> Any:
    stages = [content for kind, content in messages if kind == "stage"]
    stage = stages[-1] if stages else "opening it"
    kind, content = messages[-1] if messages else ("", None)
    if kind == "result":
        return content
    if kind == "error" and isinstance(content, AuditError):
        raise content
    if kind == "memory" or ended == -KILLED or (kind == "stage" and ended >= 0):  # the last: no room to say so
        most = _memory(size) / GIB
        raise ModelError(f"{path}: {stage} takes more than {most:.1f} GiB of memory; refused ({LIFTED})")
    if -ended in ENDING:  # sent to all processes of a job, and heard here sooner than by this one
        raise KeyboardInterrupt
    if -ended in TIMERS:
        time = f"{_seconds(size):.0f} s of processor time" if -ended == TIMERS[0] else f"{_clock(size):.0f} s"
        raise ModelError(f"{path}: {stage} takes more than {time}; refused ({LIFTED})")
    if ended < 0:
        name = signal.Signals(-ended).name
        raise ModelError(f"{path}: {stage} crashes ({name}) or runs out of memory; refused ({LIFTED})")
    return None


def _seconds(size: int) -> float:
    """Of processor time, for a file of `size` bytes."""
    return OPENING_SECONDS.most + SECONDS_OF_WEIGHTS.most / 1000 * size / 2**20


def _clock(size: int) -> float:
    """Seconds that may pass meanwhile."""
    return WAITING.most / 100 * _seconds(size)


def _memory(size: int) -> int:
    """In bytes, beside the program, for a file of `size` bytes."""
    return OPENING_MEMORY.most + MEMORY_OF_WEIGHTS.most * size


def _messages(told: bytes) -> Iterator[tuple[str, Any]]:
    """What the process wrote, up to where it ended."""
    stream = BytesIO(told)
    with suppress(EOFError, pickle.UnpicklingError, AttributeError, ImportError, IndexError, TypeError, ValueError):
        while True:
            yield pickle.load(stream)


def _forked(work: Callable[[], Any], size: int) -> tuple[bytes, int]:
    """What a fork wrote while it did the work, and how it ended: as for `subprocess`, minus the signal that ended it."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # From Python 3.12 on a fork of a process with threads is warned of; ours starts no thread and takes no lock.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "wb", buffering=0) as told:
                _in_child(work, told, size)
        finally:
            os._exit(0)
    os.close(writer)
    try:
        with os.fdopen(reader, "rb") as stream:
            told_all = stream.read()
        return told_all, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def _in_child(work: Callable[[], Any], told: BinaryIO, size: int) -> None:
    # What the collector looks at is written to, and what is written to is copied.
    gc.freeze()
    faulthandler.disable()
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
    _limit(size)
    # Threads do not survive a fork, and OpenMP waits for those that it had.
    torch.set_num_threads(1)
    _do(work, told)


def _limit(size: int) -> None:
    """Sets the limits of this process, which end it where C++ code asks for too much."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = int(used.ru_utime + used.ru_stime + _seconds(size)) + 1
    _set(resource.RLIMIT_CORE, 0)
    _set(resource.RLIMIT_AS, pages * resource.getpagesize() + _memory(size))
    _set(resource.RLIMIT_CPU, seconds)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, _clock(size))
    _UNDER_LIMITS.set(True)


def _set(limit: int, wanted: int) -> None:
    """Lowers a limit, where it is not lower already."""
    import resource

    most = resource.getrlimit(limit)[1]
    if most == resource.RLIM_INFINITY or wanted < most:
        resource.setrlimit(limit, (wanted, most))


def under_limits() -> bool:
    """Whether this process is one that the operating system stops where it takes too much."""
    return _UNDER_LIMITS.get()


def allow_for(weights: int) -> None:
    """Lets a process under limits take as much more as so many bytes of weights beside the model need."""
    if not _UNDER_LIMITS.get() or not weights:
        return
    import resource

    for limit, more in (
        (resource.RLIMIT_AS, _memory(weights) - _memory(0)),
        (resource.RLIMIT_CPU, int(_seconds(weights) - _seconds(0))),
    ):
        soft, hard = resource.getrlimit(limit)
        if soft != resource.RLIM_INFINITY:
            resource.setrlimit(limit, (soft + more if hard == resource.RLIM_INFINITY else min(hard, soft + more), hard))
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    signal.setitimer(signal.ITIMER_REAL, left + _clock(weights) - _clock(0))


def _do(work: Callable[[], Any], told: BinaryIO) -> None:
    """Does the work, and writes its stages and what came of it."""

    def tell(kind: str, content: object) -> None:
        told.write(pickle.dumps((kind, content)))
        told.flush()

    try:
        with telling(lambda stage: tell("stage", stage)):
            result = work()
        tell("result", result)
    except Exception as error:
        causes = list(_causes(error))
        if any(map(is_out_of_memory, causes)):
            tell("memory", None)
        elif any(NO_AUTOGRAD in str(cause) for cause in causes):
            tell(THREADS_LOST, None)
        else:
            tell(*(("error", error) if isinstance(error, AuditError) else ("unknown", None)))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from, as its own message may be cut off."""
    while error is not None:
        yield error
        error = error.__cause__


def _spawned(work: Callable[[], Any], size: int) -> tuple[bytes, int]:
    """The same in a new interpreter, which does not look for modules in the current folder."""
    command = [sys.executable, "-P", "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            told, _ = child.communicate(pickle.dumps(work), timeout=STARTING + _clock(size))
        except subprocess.TimeoutExpired:
            child.kill()
            told, _ = child.communicate()
            return told, -TIMERS[1]
        except BaseException:
            child.kill()
            raise
    return told, child.returncode


if __name__ == "__main__":
    _do(pickle.load(sys.stdin.buffer), sys.stdout.buffer)
