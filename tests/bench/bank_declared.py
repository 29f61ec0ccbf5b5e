"""Entries of the bank whose cards declare an accuracy under attack: met, not met, refuted by better attacks, or open."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from bnnaudit.core.report import Status
from tests.bench.bank import FAKE, Entry
from tests.bench.bank_networks import trained
from tests.networks.broken import Scale, behind

OPEN = 0.78
"""A figure inside the 95 % interval of what the adversarially trained network keeps on 60 to 120 images."""


def declaring_entries(data: str, eps: float) -> Iterator[Entry]:
    """An adversarially trained network with figures below, within and above what it keeps, and a network that fakes it."""
    met, missed, open_ = (
        frozenset({status}) for status in (Status.AS_CLAIMED, Status.CLAIM_NOT_MET, Status.INCONCLUSIVE)
    )
    for figure, statuses, causes in (
        (0.3, met, frozenset[str]()),
        (OPEN, open_, frozenset[str]()),
        (0.99, missed, frozenset({"FR303"})),
    ):
        name = f"{data}-robust, declares {100 * figure:g} %"
        yield Entry(name, data, lambda: trained(f"{data}-robust"), eps, statuses, causes, declared=figure)
    for figure, code in ((0.9, "FR303"), (0.01, "FR302")):
        name = f"{data}-float, logits x 1000, declares {100 * figure:g} %"
        yield Entry(name, data, lambda: _saturated(data), eps, FAKE, frozenset({code}), declared=figure)


def _saturated(data: str) -> nn.Module:
    return behind(trained(f"{data}-float"), Scale(1000.0))
