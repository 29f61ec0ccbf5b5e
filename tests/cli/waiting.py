"""Waiting for what another process does, however busy the machine is."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

GENEROUS = 600
"""Seconds that nothing takes that ends at all: a test that waits so long has failed."""


def wait_for(happened: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    """Returns when it has happened; fails when the process has ended without it, or after a time that nothing takes."""
    end = time.monotonic() + GENEROUS
    while not happened():
        if process.poll() is not None:
            assert happened(), f"it ended with {process.returncode}"
            return
        if time.monotonic() > end:
            process.kill()
            raise AssertionError("it has not happened")
        time.sleep(0.02)
