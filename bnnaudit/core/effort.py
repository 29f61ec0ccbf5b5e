"""How much an audit may cost."""

from __future__ import annotations

from enum import StrEnum


class Effort(StrEnum):
    """Which checks run: each level holds the one before."""

    QUICK = "quick"
    STANDARD = "standard"
    THOROUGH = "thorough"

    def reaches(self, least: Effort) -> bool:
        """Whether a check that needs at least `least` runs at this level."""
        levels = list(Effort)
        return levels.index(self) >= levels.index(least)
