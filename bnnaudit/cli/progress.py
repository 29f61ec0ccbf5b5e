"""What a run says on stderr while it works: a bar with the time left on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from bnnaudit.reports.safe_text import safe

EVERY = 30.0
"""Seconds between two lines of a log. Services end jobs that are silent for about ten minutes; not tuned."""
TELLING = 0.01
"""Share of the work from which on the time that it took says something about the rest. Not tuned."""
REST_OF_LINE = 28
"""Characters that a bar leaves for all but its task: 52 are left for this at 80 columns."""


class Shown(Protocol):
    """A listener to one run after another."""

    def begin(self, run: str) -> None:
        """Starts anew for another run, named where there are several."""
        ...

    def plan(self, units: int) -> None:
        """Sets the total amount of work."""
        ...

    def task(self, name: str) -> None:
        """Names what is being done now."""
        ...

    def advance(self, units: int) -> None:
        """Adds work that is done."""
        ...


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Shown]:
    """Shows the whole plan as one bar, or as lines where stderr is no terminal; silent where quiet is asked for."""
    terminal = sys.stderr.isatty()  # not what FORCE_COLOR says: a log takes no bar
    if not quiet and not terminal:
        lines = ProgressLines()
        with lines.written(EVERY):
            yield lines
        return
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", table_column=None),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
        transient=True,
        disable=quiet,
    )
    with bar:
        yield ProgressBar(bar, bar.add_task("starting", total=None))


@dataclass(slots=True)
class ProgressBar:
    """A bar that receives the plan, what is being done, and what is done."""

    bar: Progress
    only: TaskID
    run: str = ""

    def begin(self, run: str) -> None:
        """Empties the bar."""
        self.run = run
        self.bar.reset(self.only, total=None, description=_titled(run, "starting"))

    def plan(self, units: int) -> None:
        """Sets the total amount of work."""
        self.bar.update(self.only, total=units)

    def task(self, name: str) -> None:
        """Names what is being done now."""
        self.bar.update(self.only, description=_titled(self.run, name)[: self.bar.console.width - REST_OF_LINE])

    def advance(self, units: int) -> None:
        """Adds work that is done."""
        self.bar.advance(self.only, units)


@dataclass(slots=True)
class ProgressLines:
    """The same as text for a log: `line` says how things stand. clock: in seconds."""

    clock: Callable[[], float] = time.monotonic
    run: str = ""
    doing: str = "starting"
    total: int = 0
    done: int = 0
    started: float = field(init=False)

    def __post_init__(self) -> None:
        self.started = self.clock()

    def begin(self, run: str) -> None:
        """Forgets the run before."""
        self.run, self.doing, self.total, self.done, self.started = run, "starting", 0, 0, self.clock()

    def plan(self, units: int) -> None:
        """Sets the total amount of work."""
        self.total = units

    def task(self, name: str) -> None:
        """Names what is being done now."""
        self.doing = name

    def advance(self, units: int) -> None:
        """Adds work that is done."""
        self.done += units

    def line(self) -> str:
        """The task, the percentage of what is planned, and about how long the rest takes."""
        parts = [_titled(self.run, self.doing)]
        if self.total:
            share = min(self.done / self.total, 1.0)
            parts.append(f"{100 * share:.0f} %")
            if share >= TELLING:
                parts.append(f"about {_duration((self.clock() - self.started) * (1 / share - 1))} left")
        return safe("bnnaudit: " + ", ".join(parts))

    @contextmanager
    def written(self, every: float) -> Iterator[None]:
        """Writes a line to stderr every so many seconds, the first one after as many, by a thread of its own.

        A long step does not keep it from doing so, as it would one that waited to be told of progress.
        """
        over = threading.Event()

        def write() -> None:
            while not over.wait(every):
                with contextlib.suppress(OSError, ValueError):  # whoever read it has left
                    typer.echo(self.line(), err=True)

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        try:
            yield
        finally:
            over.set()
            writer.join()


def teller(shown: Shown, verbose: bool) -> Callable[[str], None]:
    """Says in passing what is being done, and on a line of stderr where the user wants to know more."""

    def tell(words: str) -> None:
        shown.task(words)
        if verbose:
            with contextlib.suppress(OSError):
                typer.echo(f"bnnaudit: {words}", err=True)

    return tell


def _titled(run: str, task: str) -> str:
    return f"{run}: {task}" if run else task


def _duration(seconds: float) -> str:
    """`40 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
