"""How an audit reports its progress, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener; units are image-steps, planned as a whole before the work starts."""

    def plan(self, units: int) -> None:
        """Sets the total amount of work."""
        ...

    def task(self, name: str) -> None:
        """Names what is being done now."""
        ...

    def advance(self, units: int) -> None:
        """Adds work that is done."""
        ...


class Silence:
    """No listener."""

    def plan(self, units: int) -> None:
        """Ignored."""

    def task(self, name: str) -> None:
        """Ignored."""

    def advance(self, units: int) -> None:
        """Ignored."""
