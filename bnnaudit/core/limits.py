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
