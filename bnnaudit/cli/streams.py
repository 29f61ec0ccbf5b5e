"""Where output goes: the report to stdout or a file, everything else to stderr."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bnnaudit.reports.page import Page

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = range(3)
BROKEN = (errno.EPIPE, errno.ECONNRESET)
"""How it is said that whoever read a pipe or a socket has left."""


class UndeliveredError(OSError):
    """stdout did not take everything."""

    @property
    def reader_left(self) -> bool:
        """Whether that is the reader's own will."""
        return self.errno in BROKEN


class _Stdout(io.FileIO):
    """stdout without buffer, whose errors tell that they are its own."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Writes what the system takes, at least one byte; waits for a pipe that is full."""
        try:
            while (written := super().write(data)) is None:
                select.select([], [self], [])
            return written
        except OSError as error:
            raise UndeliveredError(error.errno, _reason(error)) from error


class _Stderr(io.FileIO):
    """stderr, which never fails: Python would end with a code of its own where it cannot write what is buffered."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Writes what the system takes, and says that it was everything."""
        with contextlib.suppress(OSError):
            super().write(data)
        return memoryview(data).nbytes


def _reason(error: OSError) -> str:
    if error.errno == errno.EBADF:
        return "stdout is closed"
    if error.errno in BROKEN:
        return "stdout: its reader left before everything was written"
    return f"stdout: {error.strerror}"


def open_streams() -> None:
    """Makes stdin, stdout and stderr ones that can be used, whatever the process was started with.

    What is closed gets a place of its own, lest a file that is opened later takes its number: nothing can be written to stdout
    then, and what stderr does not take goes nowhere. stdout is always buffered: without a buffer Python drops what the system
    does not take at once, as on a disk that is nearly full.
    """
    if sys.stdin is None:
        sys.stdin = open(_null(STDIN, os.O_RDONLY), closefd=False)  # noqa: SIM115 - open as long as the process runs
    if sys.stdout is None:
        _null(STDOUT, os.O_RDONLY)
    if sys.stderr is None:
        _null(STDERR, os.O_WRONLY)
    sys.stderr = io.TextIOWrapper(
        _Stderr(STDERR, "w", closefd=False),
        encoding="utf-8" if sys.stderr is None else sys.stderr.encoding,
        errors="backslashreplace",
        write_through=True,
    )
    given = sys.stdout
    if given is not None:
        given.flush()
    # A file descriptor that cannot be written to is opened all the same: to say so is the first write's part.
    raw = _Stdout(STDOUT, "w", closefd=False)
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=given.encoding if given is not None else "utf-8",
        errors="backslashreplace",
        line_buffering=raw.isatty(),
    )


def _null(number: int, mode: int) -> int:
    """Opens the null device under this number."""
    opened = os.open(os.devnull, mode)
    if opened != number:
        os.dup2(opened, number)
        os.close(opened)
    return number


def give_up_stdout() -> None:
    """Sends what is still buffered nowhere, which Python would else write, and fail at, when it ends."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def page_for(output: Path | None, verbose: bool = False) -> Page:
    """A terminal's own width and, where it has them and the user wants them, colours; 80 plain columns for files and
    pipes. A file holds everything: whoever opens it later cannot ask for more.
    """
    if output is not None:
        return Page(80, verbose=True)
    terminal = sys.stdout.isatty()
    color = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in ("dumb", "unknown")
    return Page(None if terminal else 80, color, writes_ascii(), verbose)


def writes_ascii() -> bool:
    """Whether stdout can carry ASCII alone: by its encoding, or because the user has set the locale C.

    Python writes UTF-8 in that locale all the same, and sets LC_CTYPE accordingly; only the variables that it leaves alone show
    the user's choice.
    """
    encoding = (sys.stdout.encoding or "ascii").lower()
    locale = os.environ.get("LC_ALL") or os.environ.get("LANG")
    return not encoding.startswith("utf") or locale in ("C", "POSIX")


def deliver(text: str, output: Path | None = None, option: str = "output") -> None:
    """Writes the finished text, to `output` all at once or not at all. option: the one that names `output`."""
    if output is None:
        typer.echo(text, nl=bool(text) and not text.endswith("\n"))
        sys.stdout.flush()
        return
    from bnnaudit.reports.output import write_atomically

    write_atomically(output, text, option)


@contextmanager
def waiting(what: str, quiet: bool) -> Iterator[None]:
    """A spinner on stderr while something of unknown length goes on."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not sys.stderr.isatty():
        yield
        return
    with console.status(what):
        yield
