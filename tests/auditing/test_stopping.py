"""When an audit may end: the confidence region of its shares lies in one status."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bnnaudit.auditing.stopping import FIRST_BLOCK, LEVEL, Tally, is_decided, needs_whole_sample, next_total
from bnnaudit.auditing.thresholds import at_most, gap_of
from bnnaudit.core.finding import Confidence, Finding, Severity
from bnnaudit.core.gate import Outcome
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy
from bnnaudit.core.report import Status
from bnnaudit.numerics.sequential import confidence_sequence
from bnnaudit.rules.comparison import Paired
from bnnaudit.rules.table import RULES
from tests.rules.evidence import plan


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


def declaring(claim: float, verified: int, n: int = 50, ordinary: int | None = None) -> Tally:
    kept = verified if ordinary is None else ordinary
    return Tally(n, round(0.95 * n), kept, verified, kept - verified, claim)


def test_a_claim_of_a_card_is_a_number_without_an_interval_or_tolerance() -> None:
    assert is_decided(Status.CLAIM_NOT_MET, (), declaring(0.6, 15, 150))
    assert not is_decided(Status.CLAIM_NOT_MET, (), declaring(0.6, 25))
    assert not is_decided(Status.CLAIM_NOT_MET, (), declaring(0.6, 82, 150)), "55 % of 150 images"
    assert is_decided(Status.AS_CLAIMED, (), declaring(0.3, 90, 150))
    assert not is_decided(Status.AS_CLAIMED, (), declaring(0.6, 90, 150))
    assert not is_decided(Status.INCONCLUSIVE, (), declaring(0.6, 82, 150))


def test_better_attacks_can_refute_ordinary_ones_beside_a_declared_figure() -> None:
    refuted = declaring(0.6, 0, ordinary=31)
    assert is_decided(Status.FAKE, (), refuted)
    assert not is_decided(Status.FAKE, (), replace(refuted, declared=0.01)), "the declared figure is open"


@pytest.mark.parametrize(
    ("limits", "decided"),
    [
        (Limits(), True),
        (Limits(min_verified=0.3), True),
        (Limits(min_verified=0.55), False),
        (Limits(min_verified=0.9), True),
        (Limits(min_clean=0.8), True),
        (Limits(min_clean=0.93), False),
        (Limits(max_gap=0.1), True),
        (Limits(max_gap=0.01), False),
        (Limits(max_gap=0.0), False),
        (Limits(min_verified=0.3, max_gap=0.01), False),
    ],
)
def test_an_audit_goes_on_while_a_threshold_is_open(limits: Limits, decided: bool) -> None:
    """60 % of 150 images claimed and verified: the status is decided. The sequences reach from 47 to 72 %, the loss to 5 %."""
    seen = tally(150, 0.6, 0.6)
    assert is_decided(Status.AS_CLAIMED, (), seen, limits) is decided


@pytest.mark.parametrize("most", [0.0, 0.001, 0.01, 0.05])
@pytest.mark.parametrize("n", [50, 150, 300])
def test_no_audit_ends_while_the_gate_is_undecided_about_the_gap(n: int, most: float) -> None:
    """The paired interval of a few lost images begins at 0, where the sequence has left it."""
    for lost in range(n // 4):
        seen = Tally(n, n, n, n - lost, lost)
        answer = at_most(gap_of(Paired(0, lost, n)), most, Decide.INTERVAL)
        ends = is_decided(Status.AS_CLAIMED, (), seen, Limits(max_gap=most))
        assert not (ends and answer.outcome is Outcome.UNDECIDED), lost


@pytest.mark.parametrize(
    ("fail_on", "all_images", "whole"),
    [
        (FailOn.ERROR, False, False),
        (FailOn.NEVER, False, False),
        (FailOn.WARNING, False, True),
        (FailOn.NOTE, False, True),
        (FailOn.ERROR, True, True),
    ],
)
def test_a_gate_that_counts_symptoms_takes_the_whole_sample(fail_on: FailOn, all_images: bool, whole: bool) -> None:
    assert needs_whole_sample(plan(policy=Policy(fail_on=fail_on), all_images=all_images)) is whole


def test_the_gap_to_a_declared_figure_is_one_of_the_verified_accuracy() -> None:
    seen = declaring(0.3, 90, 150)
    assert is_decided(Status.AS_CLAIMED, (), seen, Limits(max_gap=0.05))
    below = declaring(0.8, 60, 150)
    assert is_decided(Status.CLAIM_NOT_MET, (), below, Limits(max_gap=0.1))
    assert not is_decided(Status.CLAIM_NOT_MET, (), below, Limits(max_gap=0.4)), "40 % verified against 40 % asked"


def test_the_next_block_is_as_long_as_the_thresholds_take() -> None:
    seen = tally(50, 0.62, 0.42)
    assert next_total(seen, 50, 1000) == 100
    enough = [n for n in range(100, 1000, 50) if confidence_sequence(round(0.42 * n), n, LEVEL / 3)[0] > 0.3]
    assert next_total(seen, 50, 1000, Limits(min_verified=0.3)) == enough[0] == 250
    assert next_total(seen, 50, 1000, Limits(min_verified=0.42)) == 1000


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
