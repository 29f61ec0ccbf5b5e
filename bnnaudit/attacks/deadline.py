"""When an attack must be over, where its budget is a time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """at: in seconds of `time.perf_counter`; infinite where there is none."""

    at: float = math.inf

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(time.perf_counter() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then, negative afterwards."""
        return math.inf if self.at == math.inf else self.at - time.perf_counter()

    @property
    def passed(self) -> bool:
        """Whether it is time to end."""
        return self.left <= 0

    def turns(self, count: int) -> Iterator[Deadline]:
        """The deadlines of `count` consecutive pieces of work: each gets an even share of what those before it left."""
        for done in range(count):
            yield Deadline.after(self.left / (count - done))


NEVER = Deadline()
