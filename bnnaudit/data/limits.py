"""How much memory data may take; asked before it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from bnnaudit.core.errors import DataError

LARGEST_BYTES = 16 * 2**30


def refuse_oversized(where: str, shape: Sequence[int], itemsize: int, remedy: str) -> None:
    """Raises DataError, with `remedy`, where an array of that shape would take more than 16 GiB."""
    size = prod(shape) * itemsize
    if size > LARGEST_BYTES:
        text = "x".join(str(length) for length in shape)
        raise DataError(f"{where}: {text} values would take {size / 2**30:.0f} GiB of memory; {remedy}")
