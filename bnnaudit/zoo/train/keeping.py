"""What is written while a network trains: the checkpoint to go on from, and the log of figures."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from bnnaudit.core.errors import UsageError
from bnnaudit.core.part_files import part_beside
from bnnaudit.zoo.train.checkpointing import save_checkpoint
from bnnaudit.zoo.train.state import Figures, State

EVERY = 60.0
"""Seconds between two checkpoints: what a killed run loses at most. Saving one takes less than a second. Not tuned."""


class TrainingInterruptedError(Exception):
    """The training was asked to stop, and has kept a checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        super().__init__(str(checkpoint))
        self.checkpoint = checkpoint


class Watcher(Protocol):
    """Follows the progress of a training."""

    def planned(self, steps: int) -> None:
        """Before the first step: how many are left."""
        ...

    def stepped(self, state: State) -> None:
        """After each step."""
        ...


class NoWatcher:
    """A watcher that ignores everything."""

    def planned(self, steps: int) -> None:
        """Ignored."""

    def stepped(self, state: State) -> None:
        """Ignored."""


class KeepsNothing(NoWatcher):
    """A listener for a training of seconds."""

    def judged(self, state: State) -> None:
        """Nothing is written."""


@dataclass(slots=True, eq=False)
class Keeper:
    """A listener that keeps checkpoint and log up to date, and ends the training between two steps when asked to.

    head: the log's first line. stop: whether to end. every: seconds between two checkpoints.
    """

    checkpoint: Path
    log: Path
    digest: str
    head: Mapping[str, object]
    watcher: Watcher
    stop: Callable[[], bool] = lambda: False
    every: float = EVERY
    saved: float = field(default_factory=time.monotonic)

    def planned(self, steps: int) -> None:
        """Passes it on to the watcher."""
        self.watcher.planned(steps)

    def stepped(self, state: State) -> None:
        """Keeps a checkpoint now and then; raises TrainingInterruptedError, with one kept, where the training is to end."""
        self.watcher.stepped(state)
        ending = self.stop()
        if ending or time.monotonic() - self.saved >= self.every:
            self.keep(state)
        if ending:
            raise TrainingInterruptedError(self.checkpoint)

    def judged(self, state: State) -> None:
        """Writes the log anew, with the epoch's figures."""
        with refused(self.log.parent):
            write_whole(self.log, LogLines(self.head, state.figures).text())

    def keep(self, state: State) -> None:
        """Replaces the checkpoint; also called at the end, so that a disk that is full then costs no training."""
        with refused(self.checkpoint.parent):
            save_checkpoint(self.checkpoint, state, self.digest)
        self.saved = time.monotonic()


@dataclass(frozen=True, slots=True)
class LogLines:
    """JSON lines: what was trained and how, a line for each epoch, and once it is done one for the network that was written."""

    head: Mapping[str, object]
    figures: Sequence[Figures]

    def text(self, last: Mapping[str, object] | None = None) -> str:
        """The file's text; last: the line about the network that was written."""
        lines = [self.head, *(asdict(row) for row in self.figures), *([last] if last else [])]
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def write_whole(path: Path, content: str | bytes) -> None:
    """Puts the content, text in UTF-8, at `path`: all of it or nothing."""
    with part_beside(path) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)
        part.replace(path)


@contextmanager
def refused(folder: Path) -> Iterator[None]:
    """Raises UsageError where something in the folder cannot be written."""
    try:
        yield
    except OSError as error:
        raise UsageError(f"{folder}: cannot be written to ({error.strerror}); name another folder") from error
