"""Straight-through gradients predict margins where the steps are fine against the radius, and only there."""

import pytest
import torch
from torch import nn

from bnnaudit.attacks.auto.gradient_quality import predicts_margins
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Auto, Budget, Pgd
from bnnaudit.core.auto_run import PhaseName
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost
from bnnaudit.core.surrogate import STRAIGHT_THROUGH, SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.quantization.quantizers import BinarySign, Rounding
from tests.attacks.contract import contract_batch
from tests.toy import batch_of, small_network, target_of


class Scaled(nn.Module):
    """Rounds to multiples of `step`."""

    def __init__(self, step: float) -> None:
        super().__init__()
        self.step, self.rounding = step, Rounding()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        rounded: torch.Tensor = self.rounding(values / self.step) * self.step
        return rounded


def rounded_network(step: float) -> tuple[Target, Batch]:
    """Six numbers, 16 hidden units that are rounded to multiples of `step`, four classes; 32 images."""
    first, relu, last = small_network().float()
    target = target_of(nn.Sequential(first, Scaled(step), relu, last), (6,), 4)
    return target, batch_of(target, torch.rand(32, 6, generator=torch.Generator().manual_seed(0)))


def context_of(target: Target, batch: Batch, threat: Threat) -> Context:
    return prepared(Pgd(), target, threat, batch, 0, 256, lambda _: None)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(("step", "fine"), [(0.001, True), (1.0, False)])
def test_fine_steps_are_predicted_and_coarse_ones_are_not(norm: Norm, step: float, fine: bool) -> None:
    target, batch = rounded_network(step)
    assert predicts_margins(context_of(target, batch, Threat(norm, 0.05)), batch)[0] is fine


def test_what_counts_is_how_many_steps_the_radius_spans() -> None:
    target, batch = rounded_network(0.01)
    wide, narrow = (context_of(target, batch, Threat(Norm.LINF, eps)) for eps in (0.1, 0.001))
    assert predicts_margins(wide, batch)[0]
    assert not predicts_margins(narrow, batch)[0]


def test_a_network_of_signs_is_not_predicted() -> None:
    first, _, last = small_network().float()
    target = target_of(nn.Sequential(first, BinarySign(), last), (6,), 4)
    batch = batch_of(target, torch.rand(32, 6, generator=torch.Generator().manual_seed(0)))
    assert not predicts_margins(context_of(target, batch, Threat(Norm.LINF, 0.05)), batch)[0]


def test_it_costs_a_gradient_on_at_most_64_images_and_needs_some() -> None:
    target, batch = contract_batch()
    context = context_of(target, batch, Threat(Norm.LINF, 0.05, target.facts.box))
    none = batch.select(slice(0, 0))
    assert predicts_margins(context, batch)[1] == Cost(2 * len(batch), len(batch))
    assert predicts_margins(context, none) == (False, Cost())
    many = batch.select(torch.arange(100) % len(batch))
    assert predicts_margins(context, many)[1] == Cost(128, 64)


@pytest.mark.parametrize(("step", "fine"), [(0.001, True), (1.0, False)])
def test_auto_attacks_a_network_of_fine_steps_like_one_without_steps(step: float, fine: bool) -> None:
    target, batch = rounded_network(step)
    settings = Auto(budget=Budget(300))
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, 0.03), seed=0)
    climbs = [part.surrogate for part in outcome.parts if part.phase in (PhaseName.FIRST, PhaseName.CLIMB)]
    assert len(climbs) > 1
    if fine:
        assert set(climbs) == {STRAIGHT_THROUGH}
    else:
        assert climbs[0] is not None
        assert climbs[0].kind is SurrogateKind.TANH
