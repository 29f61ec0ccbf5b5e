"""How an audit tells how far it is, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A listener; units are image-steps, planned as a whole before the work starts."""

    def plan(self, units: int) -> None:
        """The whole amount of work."""
        ...

    def task(self, name: str) -> None:
        """What is being done now."""
        ...

    def advance(self, units: int) -> None:
        """So much is done."""
        ...


class Silence:
    """Nobody listens."""

    def plan(self, units: int) -> None:
        """Ignored."""

    def task(self, name: str) -> None:
        """Ignored."""

    def advance(self, units: int) -> None:
        """Ignored."""
