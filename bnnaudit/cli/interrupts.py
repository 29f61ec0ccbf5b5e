"""The signals that end the program: the first is heard as soon as something can be reported, a second ends it at once.

Imported before anything else, it imports nothing that takes time.
"""

from __future__ import annotations

import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
"""The user's Ctrl-C, a service that ends a job, and a terminal that is closed."""
UNFINISHED = 3
"""`ExitCode.UNFINISHED`, whose module takes longer to import than signals may wait."""
AT_ONCE = b"bnnaudit: interrupted twice; ended at once\n"
STDERR = 2
AGAIN = 0.01
"""Seconds after which an interrupt that was lost is raised again: when what lost it has returned. Not tuned."""

_heard = False
_held = True
_waiting = False


def listen() -> None:
    """From here on signals are heard; they wait for `release`. One that the process was started to ignore is ignored."""
    for name in ENDING:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _hear)
    sys.unraisablehook = _unraisable


def release() -> None:
    """A signal raises KeyboardInterrupt from here on, and here if one has waited."""
    global _held, _waiting
    _held = False
    if _waiting:
        _waiting = False
        raise KeyboardInterrupt


def hold() -> None:
    """A first signal waits from here on: reports are being replaced, or everything is done."""
    global _held
    _held = True


def heard() -> bool:
    """Whether there was a signal."""
    return _heard


def leave(code: int) -> None:
    """Ends the process after a signal was heard; else returns, and signals are ignored: Python stops hearing them before it has
    ended, and one would then kill it.

    Python would kill itself by SIGINT where KeyboardInterrupt has passed through a library that runs code of its own, as some do
    while they are imported.
    """
    for name in ENDING:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    if _heard:
        import atexit
        import sys

        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                continue
        os._exit(code)


def _hear(number: int, frame: FrameType | None) -> None:
    global _heard, _waiting
    if _heard:
        _end()
    _heard = True
    if not _held:
        raise KeyboardInterrupt
    _waiting = True


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """What cannot be raised, as in a finalizer or where C code calls Python; of an interrupt Python would print a traceback and
    go on."""
    if not issubclass(lost.exc_type, KeyboardInterrupt) or not hasattr(signal, "setitimer"):
        sys.__unraisablehook__(lost)
        return
    signal.signal(signal.SIGALRM, _raise_again)
    signal.setitimer(signal.ITIMER_REAL, AGAIN)


def _raise_again(*_: object) -> None:
    global _waiting
    if not _held:
        raise KeyboardInterrupt
    _waiting = True


def _end() -> None:
    """Ends the process without a word more, and without the files that are half written."""
    from bnnaudit.core.part_files import remove_all

    remove_all()
    try:
        os.write(STDERR, AT_ONCE)
    finally:
        os._exit(UNFINISHED)
