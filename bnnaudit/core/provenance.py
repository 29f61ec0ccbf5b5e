"""Where a report comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from bnnaudit import __version__


@dataclass(frozen=True, slots=True)
class Provenance:
    """What made a report, when, and how.

    version: of bnnaudit. created: the time in UTC, as in ISO 8601. command: what was typed or called.
    """

    version: str
    created: str
    command: str

    @classmethod
    def now(cls, command: str) -> Provenance:
        """This version of bnnaudit, at this moment."""
        return cls(__version__, datetime.now(UTC).isoformat(timespec="seconds"), command)
