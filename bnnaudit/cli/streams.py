"""Where output goes: the report to stdout or a file, everything else to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from bnnaudit.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Page:
    """How text is to look on the stream it goes to."""

    width: int | None
    color: bool
    ascii: bool


def page_for(output: Path | None) -> Page:
    """A terminal's own width and colours, 80 plain columns for files and pipes."""
    if output is not None:
        return Page(80, False, False)
    terminal = sys.stdout.isatty()
    encoding = (sys.stdout.encoding or "ascii").lower().replace("-", "")
    return Page(None if terminal else 80, terminal, not encoding.startswith("utf"))


def check_output(output: Path | None) -> None:
    """Raises UsageError before any work is done, if the report could not be written after it."""
    if output is None:
        return
    folder = output.resolve().parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"output: {output.parent} is not a folder that can be written to")
    if output.is_dir():
        raise UsageError(f"output: {output} is a folder; name a file")


def deliver(text: str, output: Path | None) -> None:
    """Writes the finished text, to `output` all at once or not at all."""
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    from bnnaudit.reports.table import write_atomically

    write_atomically(output, text)


@contextmanager
def waiting(what: str, quiet: bool) -> Iterator[None]:
    """A spinner on stderr while something of unknown length goes on."""
    from rich.console import Console

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


def deliver_with(render: Callable[[Page], str], output: Path | None) -> None:
    """Renders for the stream that the text goes to, and writes it."""
    deliver(render(page_for(output)), output)
