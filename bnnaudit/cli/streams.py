"""Where output goes: the report to stdout or a file, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from bnnaudit.reports.page import Page


def open_streams() -> None:
    """Opens stdout or stderr to the null device where the process was started with it closed: Python then has none."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - open as long as the process runs
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115, PTH123


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


def deliver(text: str, output: Path | None = None) -> None:
    """Writes the finished text, to `output` all at once or not at all."""
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    from bnnaudit.reports.output import write_atomically

    write_atomically(output, text)


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
