"""The largest numbers that options and cards take, and the limits on what a file from a stranger may cost.

Beyond the former libraries overflow, or the machine hangs. The latter are for `--limits none` to lift.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import StrEnum

LARGEST_COUNT = 2**31 - 1
"""PyTorch counts threads and images in integers of C."""
LARGEST_SEED = 2**63 - 1
"""Generators are seeded with 64 bits."""
MOST_THREADS = 1024
"""More than any machine benefits from; 100,000 could not be stopped within a minute. Not tuned."""
MOST_STEPS = 10_000
"""Of an attack; published ones take up to 1,000, Carlini and Wagner's 10,000. Not tuned."""
MOST_RESTARTS = 1_000
"""Published attacks start up to 100 times. Not tuned."""
MOST_GRADIENTS = 1_000_000
"""Of an attack on one image, steps times restarts or a budget: at a millisecond each a quarter of an hour. Not tuned."""
MOST_QUERIES = 10_000_000
"""Forward passes of an attack on one image; published ones take up to 100,000. Not tuned."""
LONGEST_BUDGET = 604_800
"""Seconds: a week. Not tuned."""
LARGEST_NUMBER = 1e10
"""Magnitude of a pixel's value, a mean, a deviation, a width or a temperature; single precision overflows at 3e38, and what is
computed from such numbers before that. Not tuned."""
SMALLEST_NUMBER = 1e-9
"""Of a number that is divided by, or multiplies what is divided by. Not tuned."""
RESOLUTION = 2.0**-15
"""Least width of a range as a part of its ends: single precision has 24 bits, which then leave 8 for a pixel."""


def problem_of_range(low: float, high: float) -> str:
    """What keeps the values from low to high from being pixels in single precision, in words; empty where nothing does."""
    if not -LARGEST_NUMBER <= low < high <= LARGEST_NUMBER:
        return f"[{low:g}, {high:g}] reaches beyond {LARGEST_NUMBER:g}, where images in single precision become infinite or NaN"
    if high - low < max(SMALLEST_NUMBER, RESOLUTION * max(abs(low), abs(high))):
        return f"[{low:g}, {high:g}] is too narrow for single precision to tell its values apart"
    return ""


class Limits(StrEnum):
    """Whether the limits on files from strangers hold: `default`, the table below, or `none`, for files that are trusted."""

    DEFAULT = "default"
    NONE = "none"


LIFTED = "--limits none lifts this limit, for a file that you trust"
"""How a message about a limit ends."""

GIB = 2**30

OPENING_MEMORY = 3 * GIB
"""Bytes that opening a model may take beside the program itself and `MEMORY_OF_WEIGHTS`: together under 4 GiB. Not tuned."""
MEMORY_OF_WEIGHTS = 6
"""Copies of a file's bytes that opening it may hold: those of the protocol buffer, PyTorch and ONNX Runtime, twice each while
they are built."""
OPENING_SECONDS = 15
"""Seconds of processor time that opening a model may take beside `SECONDS_OF_WEIGHTS`; those of everyday use take less than
one, and a file that takes just as long is opened twice within a minute. Not tuned."""
SECONDS_OF_WEIGHTS = 1 / (10 * 2**20)
"""Seconds for each byte of a file: a tenth of the speed at which digests and copies are made. Not tuned."""
WAITING = 2.5
"""Seconds of waiting for each second of processor time, as on a machine that is shared. Not tuned."""

LARGEST_VALUE = 2**27
"""Numbers in one value of a network, all images of a fixed batch together: 512 MiB as float32, forty times what VGG-16 needs of
an image."""
LARGEST_OF_IMAGE = 2**25
"""The same for each image where the batch is open, as many of them go through at a time; not tuned."""
LARGEST_COMPUTED = 2**24
"""Numbers in a constant that is computed, where the largest of those that it comes from is not near that; not tuned."""
MOST_NODES = 100_000
"""Nodes of a graph once its local functions are written out. A graph of 10,000 nodes is opened in eight seconds. Not tuned."""
MOST_CLASSES = 100_000
"""Classes of a network: the scores of 300 images are then 120 MB; ImageNet-21k has 21,841."""


_LIMITS: ContextVar[Limits] = ContextVar("limits", default=Limits.DEFAULT)


def limited() -> bool:
    """Whether the limits on files hold."""
    return _LIMITS.get() is Limits.DEFAULT


@contextmanager
def limits_set(limits: Limits) -> Iterator[None]:
    """With these limits on files while it is entered."""
    token = _LIMITS.set(limits)
    try:
        yield
    finally:
        _LIMITS.reset(token)
