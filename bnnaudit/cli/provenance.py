"""Who made a report, when, and how."""

from __future__ import annotations

import shlex
import sys

from bnnaudit.core.provenance import Provenance


def provenance() -> Provenance:
    """This version, now, and the command line as typed."""
    return Provenance.now(command_line())


def command_line() -> str:
    """What was typed."""
    return shlex.join(["bnnaudit", *sys.argv[1:]])
