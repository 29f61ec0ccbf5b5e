"""Work in a process of its own, which the operating system ends where it takes more memory or time than evidence may cost.

ONNX Runtime opens the model of whoever gave the evidence: a file of 50 MB may take it 13 GiB, and a loop in it may never end.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import IO, TypeVar

from bnnaudit.evidence.limits import (
    CHECKING_MEMORY,
    CHECKING_SECONDS,
    LIFTED,
    MEMORY_OF_WEIGHTS,
    MILLISECONDS_OF_IMAGE,
    SECONDS_OF_FILES,
    WAITING,
    limited,
)

Result = TypeVar("Result")

FORKS = sys.platform == "linux"
"""Where a fork of a process is safe for code that starts none, and the address space can be limited."""
TIMERS = (24, 14)
"""SIGXCPU and SIGALRM."""
ENDING = (2, 15, 1)
"""SIGINT, SIGTERM and SIGHUP, by which a user, a service or a terminal ends all processes of a job."""
AT_A_TIME = 32
"""Images for which one pass is allowed time, as many as bnnaudit gives a model at a time."""
MOST_IMAGES = 10_000
"""Images for which time is allowed in all, however many evidence states: five thousand seconds. Not tuned."""
OUT_OF_MEMORY = ("bad_alloc", "bad allocation", "failed to allocate", "unable to allocate", "cannot allocate")
"""How libraries say in their errors, in any case, that there is no more memory."""


_UNDER_LIMITS: ContextVar[bool] = ContextVar("under_limits", default=False)


class OverLimitsError(Exception):
    """The work took more than it may, or crashed."""


def bounded(work: Callable[[], Result], model_bytes: int, all_bytes: int, images: int) -> Result | None:
    """What `work` returns in a process of its own; None where limits are lifted, there is no such process, or it failed.

    model_bytes: of the model with its weights; all_bytes: of all files that are read; images: that the model is given.
    Raises OverLimitsError, and KeyboardInterrupt where a signal ended that process.
    """
    if not limited() or not FORKS:
        return None
    memory = CHECKING_MEMORY.most + MEMORY_OF_WEIGHTS.most * model_bytes
    seconds = CHECKING_SECONDS.most + SECONDS_OF_FILES.most * all_bytes / 2**20 / 1000
    told, ended = _forked(work, memory, seconds, images)
    with suppress(EOFError, pickle.UnpicklingError):
        kind, content = pickle.loads(told)
        if kind == "result":
            found: Result = content
            return found
        if kind == "memory":
            ended = -signal.SIGKILL
    if ended == 0:
        return None
    if -ended in ENDING:  # sent to all processes of a job, and heard here sooner than by this one
        raise KeyboardInterrupt
    if -ended in TIMERS:
        raise OverLimitsError(
            f"checking it takes more than {seconds:.0f} s of processor time, {MILLISECONDS_OF_IMAGE.most} ms for each image, or "
            f"{WAITING.most / 100:g} times that on the clock; refused ({LIFTED})"
        )
    if ended == -signal.SIGKILL:
        raise OverLimitsError(f"checking it takes more than {memory / 2**30:.1f} GiB of memory; refused ({LIFTED})")
    name = signal.Signals(-ended).name
    raise OverLimitsError(f"checking it crashes ({name}) or runs out of memory; refused ({LIFTED})")


def says_out_of_memory(error: BaseException) -> bool:
    """Whether an error, or what it came from, is that there is no more memory."""
    found: BaseException | None = error
    while found is not None:
        text = str(found).lower()
        if isinstance(found, MemoryError) or any(words in text for words in OUT_OF_MEMORY):
            return True
        found = found.__cause__
    return False


def _forked(work: Callable[[], object], memory: int, seconds: float, images: int) -> tuple[bytes, int]:
    """What the process told, pickled, and how it ended: with 0, or minus the signal that ended it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            with os.fdopen(writer, "wb") as told:
                _in_child(work, told, memory, seconds, images)
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


def _in_child(work: Callable[[], object], told: IO[bytes], memory: int, seconds: float, images: int) -> None:
    faulthandler.disable()
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    sys.stdout = sys.stderr = os.fdopen(nowhere, "w")
    _limit(memory, seconds + _seconds_of(min(images, MOST_IMAGES)))
    _UNDER_LIMITS.set(True)
    allow(seconds)
    try:
        told.write(pickle.dumps(("result", work())))
    except Exception as error:  # what it is shows where the work is done again
        told.write(pickle.dumps(("memory" if says_out_of_memory(error) else "failed", None)))


def _limit(memory: int, seconds: float) -> None:
    """Sets the limits of this process, beside what it has taken before."""
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    used = resource.getrusage(resource.RUSAGE_SELF)
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: pages * resource.getpagesize() + memory,
        # The system ends it with SIGKILL at the second one, a second after SIGXCPU at the first.
        resource.RLIMIT_CPU: int(used.ru_utime + used.ru_stime + seconds) + 2,
    }
    for limit, most in wanted.items():
        hard = resource.getrlimit(limit)[1]
        if hard == resource.RLIM_INFINITY or most < hard:
            resource.setrlimit(limit, (most, most))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def allow(seconds: float) -> None:
    """Lets a process under limits take so many seconds of processor time from now on, as far as it has them left."""
    if not _UNDER_LIMITS.get():
        return
    import resource

    used, hard = resource.getrusage(resource.RUSAGE_SELF), resource.getrlimit(resource.RLIMIT_CPU)[1]
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard - 1), hard))
    signal.setitimer(signal.ITIMER_REAL, seconds * WAITING.most / 100)


def allow_for(images: int) -> None:
    """The same for a pass of so many images through the model."""
    allow(CHECKING_SECONDS.most + _seconds_of(min(images, AT_A_TIME)))


def under_limits() -> bool:
    """Whether this process is one that the operating system ends."""
    return _UNDER_LIMITS.get()


def _seconds_of(images: int) -> float:
    return MILLISECONDS_OF_IMAGE.most / 1000 * images
