"""When an audit may end: the confidence region of its shares lies in one status."""

from __future__ import annotations

import numpy as np
import pytest

from bnnaudit.auditing.stopping import FIRST_BLOCK, Tally, is_decided, next_total
from bnnaudit.core.finding import Confidence, Finding, Severity
from bnnaudit.core.report import Status
from bnnaudit.rules.table import RULES


def tally(n: int, claimed: float, verified: float, clean: float = 0.95) -> Tally:
    counts = (round(share * n) for share in (clean, claimed, verified))
    right, left, kept = counts
    return Tally(n, right, left, kept, left - kept)


@pytest.mark.parametrize(
    ("status", "seen", "decided"),
    [
        (Status.FAKE, tally(50, 0.62, 0.0), True),
        (Status.FAKE, tally(50, 0.62, 0.36), True),
        (Status.FAKE, tally(50, 0.62, 0.38), False),
        (Status.FAKE, tally(500, 0.62, 0.36), True),
        (Status.NOT_ROBUST, tally(100, 0.0, 0.0), False),
        (Status.NOT_ROBUST, tally(150, 0.0, 0.0), True),
        (Status.AS_CLAIMED, tally(150, 0.6, 0.6), True),
        (Status.AS_CLAIMED, tally(150, 0.6, 0.52), False),
        (Status.AS_CLAIMED, tally(150, 0.1, 0.1), False),
        (Status.FAKE, tally(150, 0.6, 0.6), False),
        (Status.INCONCLUSIVE, tally(150, 0.6, 0.6), False),
    ],
)
def test_a_status_is_decided_where_it_is_the_only_one_left(status: Status, seen: Tally, decided: bool) -> None:
    assert is_decided(status, (), seen) is decided


def test_a_claim_of_a_card_is_a_number_without_an_interval() -> None:
    def declared(claim: float, verified: int, n: int = 50) -> Tally:
        return Tally(n, round(0.95 * n), 0, verified, 0, claim)

    assert is_decided(Status.FAKE, (), declared(0.6, 5))
    assert not is_decided(Status.FAKE, (), declared(0.6, 25))
    assert is_decided(Status.AS_CLAIMED, (), declared(0.3, 30))
    assert not is_decided(Status.AS_CLAIMED, (), declared(0.6, 30))


def test_a_model_in_doubt_is_so_however_many_images_are_attacked() -> None:
    rule = RULES["MF401"]
    finding = Finding(rule, "", Severity.ERROR, Confidence.HIGH)
    assert is_decided(Status.INCONCLUSIVE, (finding,), None)
    assert not is_decided(Status.INCONCLUSIVE, (), None)


def test_the_next_block_is_as_long_as_the_decision_will_take() -> None:
    assert next_total(None, 0, 300) == FIRST_BLOCK
    assert next_total(None, 0, 20) == 20
    assert next_total(tally(50, 0.0, 0.0), 50, 300) == 150
    assert next_total(tally(50, 0.0, 0.0), 50, 120) == 120
    assert next_total(tally(50, 0.6, 0.54), 50, 300) == 300, "no number up to 300 decides it, so all are taken at once"
    assert next_total(tally(50, 0.62, 0.42), 50, 300) == 100


@pytest.mark.parametrize("lost", [0.0, 0.045, 0.2])
def test_wrong_endings_are_as_rare_as_the_level_says(lost: float) -> None:
    """A claim of 60 % of which a share is lost: how often a growing audit ends with the other answer, in 400 simulated ones."""
    random = np.random.default_rng(0)
    truly_fake = lost >= 0.06
    wrong = 0
    for _ in range(400):
        draws = random.random(1000)
        claimed, kept = draws < 0.6, draws < 0.6 - lost
        taken, seen = 0, None
        while taken < 1000:
            taken = next_total(seen, taken, 1000)
            left, still = int(claimed[:taken].sum()), int(kept[:taken].sum())
            seen = Tally(taken, taken, left, still, left - still)
            if is_decided(Status.FAKE, (), seen):
                wrong += not truly_fake
                break
            if is_decided(Status.AS_CLAIMED, (), seen):
                wrong += truly_fake
                break
    assert wrong <= 0.05 * 400
