"""The gradient's fate on networks where it is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from bnnaudit.core.attack import Pgd
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import GradientProbe
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.measurements.gradient import measure_gradient
from bnnaudit.quantization.quantizers import BinarySign, Rounding
from tests.networks.broken import HardRounding, Scale, Wall
from tests.toy import batch_of, target_of

PLAN = AuditPlan(Threat(Norm.LINF, 0.1), Pgd(), 8, False)
IMAGES = torch.rand(12, 8, generator=torch.Generator().manual_seed(1))


def network(*front: nn.Module, behind: tuple[nn.Module, ...] = ()) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(*front, nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), *behind)


def probe(module: nn.Module) -> GradientProbe:
    target = target_of(module, (8,), 4)
    return measure_gradient(target, batch_of(target, IMAGES), PLAN)


def test_a_healthy_network_has_a_gradient_everywhere() -> None:
    seen = probe(network())
    assert (seen.images, seen.zero, seen.denormal, seen.blocked, seen.vanishing, seen.unmoved) == (12, 0, 0, 0, 0, 0)
    assert seen.blocked_at == ""
    assert not seen.probabilities
    assert not seen.rounded_input


class Undefined(nn.Module):
    """The identity, whose gradient is infinity times zero."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values + (values * 0).sqrt() * 0


def test_a_gradient_that_is_no_number_does_not_arrive() -> None:
    seen = probe(network(Undefined()))
    assert (seen.zero, seen.blocked, seen.unmoved) == (12, 12, 12)


def test_a_saturated_softmax_kills_the_loss_but_blocks_nothing() -> None:
    seen = probe(network(behind=(Scale(1e6),)))
    assert seen.zero + seen.denormal == 12
    assert seen.unmoved > 0
    assert seen.blocked == 0
    assert seen.logit_gap > 1000


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_wall_is_found_where_it_stands(place: int) -> None:
    layers = list(network().children())
    layers.insert(place, Wall())
    seen = probe(nn.Sequential(*layers))
    assert seen.blocked == 12
    before, _, after = seen.blocked_at.partition(" (it still arrives at ")
    assert before == ("the input" if place == 0 else f"`{place - 1}` ({type(layers[place - 1]).__name__})")
    after, _, function = after.partition("; ")
    assert after == ("the logits)" if place == 3 else f"`{place}` (Wall))")
    assert function == "the autograd function `_Killed` hands none back"


def test_a_tiny_gradient_is_vanishing_and_not_blocked() -> None:
    seen = probe(network(Scale(1e-9)))
    assert (seen.blocked, seen.vanishing) == (0, 12)


def test_the_step_to_nowhere_is_seen_from_the_original() -> None:
    assert probe(network(Wall())).unmoved == 12


@pytest.mark.parametrize(
    ("front", "rounds"),
    [((), False), ((Scale(10.0), Rounding(), Scale(0.1)), True), ((HardRounding(5),), True), ((Scale(2.0),), False)],
)
def test_a_rounded_input_is_told_from_a_plain_one(front: tuple[nn.Module, ...], rounds: bool) -> None:
    assert probe(network(*front)).rounded_input is rounds


def test_binary_activations_are_no_rounded_input() -> None:
    torch.manual_seed(0)
    assert not probe(nn.Sequential(nn.Linear(8, 16), BinarySign(), nn.Linear(16, 4))).rounded_input


def test_probabilities_are_recognised() -> None:
    assert probe(network(behind=(nn.Softmax(dim=1),))).probabilities


class BesideAWall(nn.Module):
    """Adds to a layer's output the same through a wall: a zero gradient on one branch, and another on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.scale, self.wall = nn.Linear(8, 8), Scale(2.0), Wall()

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        made = self.layer(values)
        return self.wall(self.scale(made)) + made


def test_a_wall_that_the_gradient_passes_by_is_not_where_it_vanishes() -> None:
    torch.manual_seed(3)
    seen = probe(nn.Sequential(nn.Linear(8, 8), Wall(), BesideAWall(), nn.Linear(8, 4)))
    assert seen.blocked == 12
    assert seen.blocked_at.startswith("`0` (Linear) (it still arrives at `1` (Wall))")


def test_no_image_gives_an_empty_probe() -> None:
    target = target_of(network(), (8,), 4)
    assert measure_gradient(target, batch_of(target, IMAGES).select(slice(0, 0)), PLAN) == GradientProbe(0)
