"""Who made a report, when, and how."""

from __future__ import annotations

import shlex
import sys
from datetime import UTC, datetime

from bnnaudit import __version__


def stamp() -> tuple[str, str, str]:
    """Tool version, time in UTC (ISO 8601), and the command line as typed."""
    return __version__, datetime.now(UTC).isoformat(timespec="seconds"), command_line()


def command_line() -> str:
    """What was typed."""
    return shlex.join(["bnnaudit", *sys.argv[1:]])
