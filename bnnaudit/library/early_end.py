"""An end of the program that code of the caller's asks for in the middle of a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bnnaudit.core.errors import UsageError, one_line


@contextmanager
def early_end_refused() -> Iterator[None]:
    """`SystemExit` of a network or a data set inside becomes a UsageError: `SystemExit(0)` would end a test run as passed."""
    try:
        yield
    except SystemExit as error:
        raise UsageError(
            f"the network's or the data's own code ended the program (SystemExit: {one_line(error)}); have it raise an "
            "ordinary error"
        ) from error
