"""`auto` against closed forms and brute force; what it spends, what it searches by, and what it may not take for its own."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from bnnaudit.attacks.auto import phases
from bnnaudit.attacks.auto.candidates import STEPS, SURROGATES, candidates, first_climb, unchosen
from bnnaudit.attacks.table import METHODS, run_attack
from bnnaudit.core.attack import AttackSettings, Auto, Budget, BudgetUnit, LossKind, Method, options_of, settings_of
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.surrogate import STRAIGHT_THROUGH, Surrogate, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.auto.levels.test_search import binary_network as one_bit_pixels
from tests.attacks.auto.levels.test_search import brute_force, images
from tests.attacks.contract import contract_batch, is_legitimate, is_truthful
from tests.attacks.exact.test_iprop import is_breakable
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.toy import (
    BYTES,
    batch_of,
    binary_network,
    images_of,
    linear_target,
    small_network,
    target_of,
    two_pixel_target,
)

HARDLY_ANY = 0.004
"""A radius at which nearly every image stands, so that the whole budget is spent."""


def auto(budget: float, unit: BudgetUnit = BudgetUnit.GRADIENTS) -> AttackSettings:
    return Auto(budget=Budget(budget, unit))


def float_network() -> tuple[Target, Batch]:
    """Four classes of six numbers, 16 images."""
    target = target_of(small_network().float(), (6,), 4)
    return target, batch_of(target, torch.rand(16, 6, generator=torch.Generator().manual_seed(0)))


class Calls:
    """Which searches of `auto` were made, each of which still does its work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        for name in ("search_levels", "search_units", "search_windows"):
            monkeypatch.setattr(phases, name, self._noting(name, getattr(phases, name)))

    def _noting(self, name: str, search: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **named: Any) -> Any:
            self.made.append(name)
            return search(*args, **named)

        return called


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


@pytest.mark.parametrize("scale", [1.0, 1e4])
@pytest.mark.parametrize("norm", list(Norm))
def test_a_linear_model_breaks_within_its_distance_however_saturated(norm: Norm, scale: float) -> None:
    target = linear_target(WEIGHTS * scale, BIAS * scale)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(auto(100), target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.97 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


@pytest.mark.parametrize("norm", list(Norm))
def test_a_binary_network_is_flipped_where_hand_calculation_says(norm: Norm) -> None:
    """The class changes once either pixel falls below 0.5: at distances of 0.1, 0.15 and 0.3 in either norm."""
    target = two_pixel_target(0.5)
    batch = batch_of(target, torch.tensor([[0.60, 0.90], [0.70, 0.65], [0.80, 0.80]]))
    outcome = run_attack(auto(100), target, batch, Threat(norm, 0.16), seed=0)
    assert outcome.fooled.tolist() == [True, True, False]


def test_a_small_network_of_signs_is_searched_by_its_units(searches: Calls) -> None:
    target = binary_network([3, 8, 3], seed=0)
    batch, threat = images_of(target, 16, seed=0), Threat(Norm.LINF, 0.15, BYTES)
    outcome = run_attack(auto(100), target, batch, threat, seed=0)
    truth = is_breakable(target, batch, threat, 81)
    assert searches.made[0] == "search_units"
    assert "search_levels" not in searches.made
    assert 4 <= truth.sum() < len(batch)
    assert outcome.fooled[truth].all()


def test_in_l2_neither_units_nor_windows_are_searched(searches: Calls) -> None:
    target = binary_network([3, 8, 3], seed=0)
    run_attack(auto(60), target, images_of(target, 4, seed=0), Threat(Norm.L2, 0.01, BYTES), seed=0)
    assert searches.made == []


def test_a_network_of_one_bit_pixels_is_searched_by_their_levels(searches: Calls) -> None:
    target = one_bit_pixels()
    batch = batch_of(target, images(16))
    truth = brute_force(target, batch, 0.12)
    outcome = run_attack(auto(400), target, batch, Threat(Norm.LINF, 0.12), seed=0)
    assert "search_levels" in searches.made
    assert "search_windows" not in searches.made
    assert 0 < truth.sum() < len(batch)
    assert torch.equal(outcome.fooled, truth)


def test_a_float_network_has_no_steps_for_a_surrogate(searches: Calls) -> None:
    target, batch = float_network()
    threat = Threat(Norm.LINF, HARDLY_ANY)
    for settings in (first_climb(threat, False), *candidates(threat, False, 4), *unchosen(threat, False, 4)):
        assert settings.surrogate == STRAIGHT_THROUGH
    run_attack(auto(300), target, batch, threat, seed=0)
    assert set(searches.made) == {"search_windows"}


def test_what_stands_after_everything_does_not_take_the_whole_budget() -> None:
    target, batch = float_network()
    outcome = run_attack(auto(2000), target, batch, Threat(Norm.LINF, HARDLY_ANY), seed=0)
    stands = ~outcome.fooled
    assert stands.sum() > len(batch) / 2
    assert outcome.cost.backwards < 1000 * len(batch)


def test_where_nothing_falls_windows_follow_the_climbs(searches: Calls) -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, HARDLY_ANY, target.facts.box)
    run_attack(auto(300), target, batch, threat, seed=0)
    assert "search_windows" in searches.made


def test_candidates_are_every_surrogate_and_every_loss_once() -> None:
    among = candidates(Threat(Norm.LINF, 0.1), True, 10)
    assert len(set(among)) == len(among)
    assert {settings.surrogate for settings in among} == set(SURROGATES)
    assert {settings.loss for settings in among} == {
        LossKind.CROSS_ENTROPY,
        LossKind.MARGIN,
        LossKind.DLR,
        LossKind.MARGIN_TARGETED,
    }
    # The difference of logits ratio and targets need a third class.
    two = candidates(Threat(Norm.LINF, 0.1), True, 2)
    assert {settings.loss for settings in two} == {LossKind.CROSS_ENTROPY, LossKind.MARGIN}


@pytest.mark.parametrize("budget", [3, 20, 47, 300])
@pytest.mark.parametrize("quantized", [True, False])
@pytest.mark.parametrize("norm", list(Norm))
def test_a_budget_in_gradients_is_kept(budget: int, quantized: bool, norm: Norm) -> None:
    target, batch = contract_batch() if quantized else float_network()
    threat = Threat(norm, HARDLY_ANY, target.facts.box)
    outcome = run_attack(auto(budget), target, batch, threat, seed=0)
    assert outcome.fooled.float().mean() < 0.5
    assert 0 < outcome.cost.backwards <= len(batch) * (budget + STEPS)
    is_legitimate(outcome, batch, threat)
    is_truthful(outcome, target, batch)


def test_a_budget_in_seconds_ends() -> None:
    target, batch = float_network()
    told: list[int] = []
    settings = auto(0.05, BudgetUnit.SECONDS)
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, HARDLY_ANY), seed=0, on_progress=told.append)
    assert outcome.cost.backwards > 0
    assert sum(told) == len(batch) * settings.image_steps


def test_what_the_first_climb_fools_stays_as_it_is() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, BYTES)
    first = run_attack(auto(STEPS // 2), target, batch, threat, seed=0)
    whole = run_attack(auto(200), target, batch, threat, seed=0)
    assert 0 < first.fooled.sum() < len(batch)
    assert whole.fooled[first.fooled].all()
    assert torch.equal(whole.images[first.fooled], first.images[first.fooled])
    assert torch.equal(whole.fooled_at[first.fooled], first.fooled_at[first.fooled])


@pytest.mark.parametrize("norm", list(Norm))
def test_how_many_images_share_a_pass_changes_nothing(norm: Norm) -> None:
    target, batch = contract_batch()
    threat = Threat(norm, 0.03, BYTES)
    together = run_attack(auto(300), target, batch, threat, seed=0)
    parts = run_attack(auto(300), target, batch, threat, seed=0, batch_size=3)
    assert torch.equal(parts.fooled, together.fooled)
    assert torch.equal(parts.fooled_at, together.fooled_at)
    assert torch.allclose(parts.images, together.images, atol=1e-3)


@pytest.mark.parametrize("method", [Method.PGD, Method.FGSM])
@pytest.mark.parametrize("text", ["relaxed", "relaxed:4..0.25:reach", "relaxed:100:layer"])
def test_what_a_relaxed_climb_fools_is_the_network_itself(method: Method, text: str) -> None:
    """At width 100 the smooth network is nearly linear and classifies much otherwise; its word does not count."""
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, BYTES)
    settings = settings_of(method, steps=12, surrogate=Surrogate.parse(text))
    outcome = run_attack(settings, target, batch, threat, seed=0)
    is_legitimate(outcome, batch, threat)
    is_truthful(outcome, target, batch)
    assert outcome.fooled.any()
    assert torch.equal(target.deployed(outcome.images).argmax(1) != batch.labels, outcome.fooled)


WITH_SURROGATE = [method for method in Method if "surrogate" in options_of(method)]


@pytest.mark.parametrize("method", [method for method in WITH_SURROGATE if not METHODS[method].relaxes])
def test_methods_that_would_take_the_smooth_network_for_the_model_refuse_it(method: Method) -> None:
    target, batch = contract_batch()
    settings = settings_of(method, surrogate=Surrogate.usual(SurrogateKind.RELAXED))
    with pytest.raises(UsageError, match=f"surrogate: relaxed is for fgsm, pgd; {method} would take"):
        run_attack(settings, target, batch, Threat(Norm.LINF, 0.1, BYTES), seed=0)


def test_those_that_refuse_it_are_all_but_the_plain_climbs() -> None:
    assert {method for method in Method if METHODS[method].relaxes} == {Method.FGSM, Method.PGD}


def test_a_small_budget_leaves_something_for_the_search_after_the_climbs(searches: Calls) -> None:
    target, batch = contract_batch()
    outcome = run_attack(auto(120), target, batch, Threat(Norm.LINF, HARDLY_ANY, target.facts.box), seed=0)
    assert not outcome.fooled.all()
    assert searches.made.count("search_windows") >= 2


@pytest.mark.parametrize("levels", [True, False])
def test_whatever_is_left_after_the_first_climb_the_run_ends(levels: bool) -> None:
    """What is too little for a climb or a search is left over."""
    target, batch = float_network()
    if levels:
        target = one_bit_pixels()
        batch = batch_of(target, images(16))
    for budget in range(STEPS // 2, STEPS // 2 + 24):
        outcome = run_attack(auto(budget), target, batch, Threat(Norm.LINF, HARDLY_ANY), seed=0)
        assert outcome.cost.backwards <= len(batch) * (budget + STEPS)
