"""A budget that is a time: it ends every way of `auto` wherever it is, and no part of the images is left without a share."""

from types import SimpleNamespace

import pytest
import torch

from bnnaudit.attacks import deadline
from bnnaudit.attacks.auto import run as auto_run
from bnnaudit.attacks.auto.spending import Spending
from bnnaudit.attacks.deadline import NEVER, Deadline
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import AttackSettings, Auto, Budget, BudgetUnit
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


def seconds(amount: float) -> AttackSettings:
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


def test_a_time_pays_for_gradients_at_the_pace_so_far(clock: Clock) -> None:
    clock.ticks = False
    spending = Spending.of(Budget(10, BudgetUnit.SECONDS))
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
@pytest.mark.parametrize("way", [0, 1, 2])
def test_time_is_looked_at_throughout_and_ends_the_run(clock: Clock, way: int, amount: int) -> None:
    """A look takes a second here, so a loop that forgets to look goes on, and what cannot end by itself never does."""
    _, target, batch, threat = networks()[way]
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


def test_choosing_that_is_cut_short_chooses_nothing(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which settings had their trial before the end says nothing of which are better."""
    target, batch = contract_batch()
    asked: list[int] = []
    given = auto_run.unchosen

    def unchosen(*arguments: object) -> tuple[AttackSettings, ...]:
        asked.append(1)
        return given(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(auto_run, "unchosen", unchosen)
    monkeypatch.setattr(auto_run, "CALIBRATION_DELAY", 0.05)
    monkeypatch.setattr(auto_run.Spending, "gradients", lambda *_: 1e6)
    run_attack(seconds(300), target, batch, Threat(Norm.LINF, 0.004, BYTES), seed=0)
    assert asked == [1]
