"""Pictures that cannot be used: gathered, so that whoever has several of them hears of all at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bnnaudit.core.errors import DataError, cited, listed

MOST = 20
"""After which no more are looked for: something else is wrong then. Not tuned."""


@dataclass(slots=True)
class Unusable:
    """What was wrong with pictures, by their names, in the order in which they were read."""

    problems: dict[str, DataError] = field(default_factory=dict)

    @contextmanager
    def noted(self, file: str) -> Iterator[None]:
        """Keeps a DataError about one file for later; raises what was kept once there is too much of it."""
        try:
            yield
        except DataError as error:
            self.problems[file] = error
            if len(self.problems) == MOST:
                self.refuse()

    def refuse(self) -> None:
        """Raises one DataError about all files that were noted, if there are any."""
        if not self.problems:
            return
        first, *others = self.problems
        more = f"; {len(others)} more cannot be used: {listed([cited(name, 80) for name in others])}" if others else ""
        raise DataError(f"{self.problems[first]}{more}") from self.problems[first]
