"""Own code of the user's runs in a child process: what ends that before its command is done is never taken for its exit code.

Code that `--arch` names can call `os._exit(0)` or crash, and no handler in its own process would hear of it. The parent waits,
and takes the child's exit code only where the command itself delivered it, after every report was written; otherwise it says in
one line that the code ended the program. This guards against code that ends the process, not against code that lies: see
`.github/SECURITY.md`. Nothing is forked where no code of the user's is loaded, nor where the system cannot fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

from bnnaudit.core.errors import UsageError, cited

PR_SET_PDEATHSIG = 1
"""Option of Linux's prctl(2): the signal that a child gets when its parent dies."""
FORWARDED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
MOST_BYTES = 16
"""Of an exit code as text."""


class Supervision:
    """Whether this process is supervised, and to whom it delivers its exit code."""

    def __init__(self) -> None:
        self.allowed = False
        self.pipe: int | None = None
        self.child: int | None = None

    def allow(self) -> None:
        """Lets `enter` fork; only for a process that is this program's own."""
        self.allowed = hasattr(os, "fork")

    def enter(self, code: str) -> None:
        """Returns in a child process; the parent ends with the code that the child delivers.

        Must be called before threads are started. Raises, in the parent, UsageError where the child ends without delivering,
        MemoryError where it was killed, and KeyboardInterrupt where an interrupt ended it.
        """
        if not self.allowed or self.pipe is not None:
            return
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            self.pipe, self.child = writing, os.getpid()
            _join_parent()
            return
        os.close(writing)
        status = _wait(child)
        answer = _read(reading)
        if answer is not None:
            os._exit(answer)
        _raise_for(os.waitstatus_to_exitcode(status), code)

    def deliver(self, code: int) -> None:
        """Tells the parent that the command is done, and with what exit code."""
        if self.pipe is not None and self.child == os.getpid():
            os.write(self.pipe, str(int(code)).encode("ascii"))


SUPERVISION = Supervision()


def _has_terminal() -> bool:
    """Whether there is a terminal, which interrupts parent and child alike and from which the user's code may read."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return os.isatty(sys.stdin.fileno())
    return False


def _join_parent() -> None:
    """The child dies with its parent and, away from a terminal, hears of signals through the parent alone."""
    if not _has_terminal():
        os.setpgid(0, 0)
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _wait(child: int) -> int:
    """The child's wait status; meanwhile it gets the signals that this process is sent."""

    def forward(number: int, _: object) -> None:
        if number != signal.SIGINT or not _has_terminal():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    before = {number: signal.signal(number, forward) for number in FORWARDED}
    try:
        return os.waitpid(child, 0)[1]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _read(pipe: int) -> int | None:
    """The delivered code; None where there is none. Processes that the child left behind may hold the pipe open."""
    os.set_blocking(pipe, False)
    try:
        text = os.read(pipe, MOST_BYTES)
    except BlockingIOError:
        return None
    finally:
        os.close(pipe)
    return int(text) if text.isdigit() else None


def _raise_for(ended: int, code: str) -> None:
    """Raises for a child that ended without delivering: with exit code `ended`, or by the signal -`ended`."""
    if ended == -signal.SIGKILL:
        raise MemoryError("killed, as the system does when it runs out of memory")
    if -ended in FORWARDED:
        raise KeyboardInterrupt
    how = f"exit code {ended}" if ended >= 0 else f"signal {-ended}"
    raise UsageError(
        f"architecture: {cited(code)}: the program ended in this code ({how}) before there was a verdict; have it raise an "
        "ordinary error"
    )
