"""A budget that is a time: it ends every phase of `auto` wherever it is, and no part of the images is left without a share."""

from types import SimpleNamespace

import pytest
import torch

from bnnaudit.attacks import deadline
from bnnaudit.attacks.auto import phases
from bnnaudit.attacks.auto.candidates import unchosen
from bnnaudit.attacks.auto.spending import Spending
from bnnaudit.attacks.auto.state import Run
from bnnaudit.attacks.context import prepared
from bnnaudit.attacks.deadline import NEVER, Deadline
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Auto, Budget, BudgetUnit
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.auto.levels.test_search import binary_network as one_bit_pixels
from tests.attacks.auto.levels.test_search import brute_force, images
from tests.attacks.contract import contract_batch, is_legitimate, is_truthful
from tests.toy import BYTES, batch_of, binary_network, images_of


class Clock:
    """Goes on by a second with every look at it, or stands still."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ticks = True

    def look(self) -> float:
        self.now += float(self.ticks)
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(deadline, "time", SimpleNamespace(perf_counter=clock.look))
    return clock


def seconds(amount: float) -> Auto:
    return Auto(budget=Budget(amount, BudgetUnit.SECONDS))


def test_turns_share_what_those_before_them_left(clock: Clock) -> None:
    clock.ticks = False
    turns = Deadline(12.0).turns(3)
    assert next(turns).at == 4.0
    clock.now = 1.0
    assert next(turns).at == 6.5
    clock.now = 12.0
    last = next(turns)
    assert last.passed


def test_without_a_deadline_there_is_time_for_ever() -> None:
    assert not NEVER.passed
    assert not any(turn.passed for turn in NEVER.turns(3))


def test_a_time_pays_for_gradients_as_fast_as_so_far(clock: Clock) -> None:
    clock.ticks = False
    spending = Spending.of(Budget(10, BudgetUnit.SECONDS), 5, lambda _: None)
    clock.now = 2.0
    assert spending.left == 8.0
    assert spending.gradients(4.0, images=5, so_far=30) == pytest.approx(30 / 2 * 4 / 5)
    assert spending.used == pytest.approx(0.2)


def networks() -> list[tuple[str, Target, Batch, Threat]]:
    """One that is climbed and searched by windows, one by its units, one by its levels; some images of each stand."""
    convolutional, batch = contract_batch()
    units, levels = binary_network([3, 8, 3], seed=0), one_bit_pixels()
    return [
        ("windows", convolutional, batch, Threat(Norm.LINF, 0.004, BYTES)),
        ("units", units, images_of(units, 16, seed=0), Threat(Norm.LINF, 0.15, BYTES)),
        ("levels", levels, batch_of(levels, images(16)), Threat(Norm.LINF, 0.12)),
    ]


@pytest.mark.parametrize("amount", [1, 5, 30, 100, 400])
@pytest.mark.parametrize("case", [0, 1, 2])
def test_time_is_looked_at_throughout_and_ends_the_run(clock: Clock, case: int, amount: int) -> None:
    """A look takes a second here, so a loop that forgets to look goes on, and what cannot end by itself never does."""
    _, target, batch, threat = networks()[case]
    outcome = run_attack(seconds(amount), target, batch, threat, seed=0)
    assert clock.now < amount + 60
    assert outcome.cost.backwards <= len(batch) * amount
    is_legitimate(outcome, batch, threat)
    is_truthful(outcome, target, batch)


def test_every_part_of_the_images_gets_its_share(clock: Clock) -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, BYTES)
    whole = run_attack(Auto(budget=Budget(20)), target, batch, threat, seed=0)
    shared = run_attack(seconds(300), target, batch, threat, seed=0, batch_size=2)
    parts = torch.arange(len(batch)) // 2
    last_to_fall = parts[whole.fooled].max()
    assert last_to_fall >= 5
    assert last_to_fall in parts[shared.fooled]


def test_what_is_known_to_be_robust_takes_no_more_time(clock: Clock) -> None:
    target = one_bit_pixels()
    batch = batch_of(target, images(16))
    outcome = run_attack(seconds(2000), target, batch, Threat(Norm.LINF, 0.12), seed=0)
    assert torch.equal(outcome.fooled, brute_force(target, batch, 0.12))
    assert not outcome.fooled.all()
    assert clock.now < 1500


@pytest.mark.parametrize("cut_short", [True, False])
def test_choosing_that_is_cut_short_chooses_nothing(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, cut_short: bool
) -> None:
    """Which settings had their trial before the end says nothing of which are better."""
    target, batch = contract_batch()
    settings, threat = seconds(300), Threat(Norm.LINF, 0.004, BYTES)
    monkeypatch.setattr(phases, "CHOICE_DELAY", 0.05)
    monkeypatch.setattr(Spending, "gradients", lambda *_: 1e6)
    run = Run.begun(settings.budget, prepared(settings, target, threat, batch, 0, 256, lambda _: None), batch)
    phases.climb_first(run, 1.0)
    usual = run.portfolio
    clock.ticks = cut_short
    phases.choose_climbs(run, 0.35)
    assert usual == unchosen(threat, True, target.facts.num_classes)
    assert (run.portfolio == usual) is cut_short
