"""What evidence and its model may cost whoever checks them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

LIFTED = "--limits none lifts this limit, for evidence that you trust"
"""How a message about a limit ends that can be lifted."""

_LIMITED: ContextVar[bool] = ContextVar("limited", default=True)


def limited() -> bool:
    """Whether the limits hold."""
    return _LIMITED.get()


@contextmanager
def limits_lifted(lifted: bool = True) -> Iterator[None]:
    """Without them while it is entered."""
    token = _LIMITED.set(not lifted)
    try:
        yield
    finally:
        _LIMITED.reset(token)


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that evidence may have of something.

    unit: what is counted, in the plural. of: what it is a limit on. why: where the figure comes from. liftable: whether
    `--limits none` lifts it; what protects from overflow stays.
    """

    most: int
    unit: str
    of: str
    why: str
    liftable: bool = True

    def exceeded_by(self, found: float) -> bool:
        """Whether so many are more than there may be."""
        return found > self.most and (limited() or not self.liftable)

    @property
    def to_read(self) -> int:
        """Bytes to ask a file for that may not have more: one beyond the limit, or, as -1, all of them."""
        return self.most + 1 if limited() or not self.liftable else -1

    def refusal(self, found: float) -> str:
        """How many there are, how many there may be, and how that limit is lifted, in words."""
        return self.refused(f"{math.ceil(found):,} {self.unit}")

    def refused(self, found: str) -> str:
        """The same where what was found is in words already."""
        return f"{found}, more than {self.most:,} are refused{f' ({LIFTED})' if self.liftable else ''}"


CHECKING_MEMORY = Limit(
    3 * 2**30,
    "bytes of memory",
    "verifying evidence, beside the program and the model's weights",
    "as for opening a model",
)
MEMORY_OF_WEIGHTS = Limit(
    6, "bytes of memory for each byte of the model", "verifying evidence, for its weights", "as for opening a model"
)
CHECKING_SECONDS = Limit(
    15, "seconds of processor time", "verifying evidence, beside its files and images", "as for opening a model"
)
SECONDS_OF_FILES = Limit(
    100, "milliseconds of processor time for each MiB", "verifying evidence and its model", "as for opening a model"
)
MILLISECONDS_OF_IMAGE = Limit(
    500,
    "milliseconds of processor time for each image",
    "verifying evidence, in all and for those that the model is given at a time",
    "VGG-16 takes about as long; not tuned",
)
WAITING = Limit(
    250, "% of these seconds on the clock", "verifying evidence", "as on a machine that is shared; not tuned"
)
MANIFEST_BYTES = Limit(
    64 * 2**20, "bytes", "the manifests of all evidence in a folder or zip", "one of 100,000 pictures has 16 MB"
)
REPORT_BYTES = Limit(256 * 2**20, "bytes", "the report among evidence", "as for a JSON report")
VALUES = Limit(2**24, "values", "a manifest, or the report among evidence", "as for a JSON report")
FILE_BYTES = Limit(8 * 2**30, "bytes", "one file of evidence, unpacked", "not tuned")
FREE_FILE = 64 * 2**20
"""Bytes that a file in a zip may unpack to however small it is there. Not tuned."""
FILE_PACKING = Limit(
    100,
    "bytes for each byte in the zip",
    f"a file of evidence of more than {FREE_FILE:,} bytes",
    "images grow two- to tenfold, a bomb a thousandfold; not tuned",
)
IMAGE_NUMBERS = Limit(2**25, "numbers", "one image of evidence", "more than bnnaudit audits", liftable=False)
BATCH_NUMBERS = Limit(
    2**28,
    "numbers",
    "what evidence has a model given at a time",
    "1 GiB as float32, more than bnnaudit gives one",
    liftable=False,
)
