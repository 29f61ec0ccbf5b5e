"""A progress bar on stderr with the time left."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn


@contextmanager
def progress_bar(quiet: bool) -> Iterator[ProgressBar]:
    """Shows the whole plan as one bar; silent where stderr is no terminal or quiet is asked for."""
    console = Console(stderr=True)
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", table_column=None),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        transient=True,
        disable=quiet or not sys.stderr.isatty(),  # not what FORCE_COLOR says: a log takes no bar
    )
    with bar:
        yield ProgressBar(bar, bar.add_task("starting", total=None))


@dataclass(frozen=True, slots=True)
class ProgressBar:
    """A bar that receives the plan, what is being done, and what is done."""

    bar: Progress
    only: TaskID

    def plan(self, units: int) -> None:
        """Sets the total amount of work."""
        self.bar.update(self.only, total=units)

    def task(self, name: str) -> None:
        """Names what is being done now."""
        self.bar.update(self.only, description=name[:44])

    def advance(self, units: int) -> None:
        """Adds work that is done."""
        self.bar.advance(self.only, units)
