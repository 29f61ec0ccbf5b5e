"""Pictures that cannot be used, gathered so that one message names all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bnnaudit.core.errors import DataError, cited, listed

MOST = 20
"""Unusable pictures after which the search stops: something else is wrong then. Not tuned."""


@dataclass(slots=True)
class Unusable:
    """What was wrong with pictures, by their names, in the order in which they were read."""

    problems: dict[str, DataError] = field(default_factory=dict)

    @contextmanager
    def noted(self, file: str) -> Iterator[None]:
        """Keeps a DataError about one file for later; raises what was kept once there are `MOST` of them."""
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
