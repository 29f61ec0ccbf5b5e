"""A progress bar on stderr with the time left."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn


class ProgressBar:
    """Shows the whole plan as one bar; silent where stderr is no terminal or quiet is asked for."""

    def __init__(self, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", table_column=None),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task: TaskID = self._bar.add_task("starting", total=None)

    def __enter__(self) -> ProgressBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def plan(self, units: int) -> None:
        """The whole amount of work."""
        self._bar.update(self._task, total=units)

    def task(self, name: str) -> None:
        """What is being done now."""
        self._bar.update(self._task, description=name[:44])

    def advance(self, units: int) -> None:
        """So much is done."""
        self._bar.advance(self._task, units)
