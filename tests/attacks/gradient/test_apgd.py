"""APGD: its schedule by the paper's figures, closed forms, and what halving the step is for."""

from dataclasses import replace

import pytest
import torch

from bnnaudit.attacks.gradient.apgd import checkpoints
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Apgd, Beta, BetaRule, LossKind
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.toy import batch_of, linear_target

APGD = Apgd()


def test_checkpoints_are_those_of_the_paper() -> None:
    """p = 0, 0.22, then p_(j+1) = p_j + max(p_j - p_(j-1) - 0.03, 0.06), by hand up to one."""
    assert checkpoints(100) == (0, 22, 41, 57, 70, 80, 87, 93, 99)
    assert checkpoints(20) == (0, 5, 9, 12, 14, 16, 18, 19, 20)
    assert checkpoints(1) == (0, 1)


def test_every_image_begins_with_twice_the_radius() -> None:
    assert APGD.first_step(Threat(Norm.LINF, 0.03)) == pytest.approx(0.06)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("rule", [BetaRule.NONE, BetaRule.NJS, BetaRule.HNS, BetaRule.TRACKED])
@pytest.mark.parametrize("loss", list(LossKind))
def test_a_linear_model_breaks_exactly_within_its_distance(norm: Norm, rule: BetaRule, loss: LossKind) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(replace(APGD, beta=Beta(rule), loss=loss, targets=1), target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.99 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


def test_halved_steps_settle_where_steps_of_one_size_go_back_and_forth() -> None:
    """On a linear model in L2 the optimum is one point of the sphere; the first step size alone circles around it."""
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(Norm.L2, 0.3)
    settings = replace(APGD, stop_at_success=False, steps=30, loss=LossKind.MARGIN)
    outcome = run_attack(settings, target, batch, threat, seed=0)
    difference = (WEIGHTS[0] - WEIGHTS[1]) * torch.where(batch.labels == 0, -1.0, 1.0)[:, None]
    best = batch.images + 0.3 * difference / difference.norm(dim=1, keepdim=True)
    free = ((best > 0) & (best < 1)).all(dim=1)
    assert free.sum() > 20
    assert torch.allclose(outcome.images[free], best[free], atol=2e-3)


def test_saturated_logits_do_not_hide_progress_under_a_temperature() -> None:
    target = linear_target(WEIGHTS * 1e4, BIAS * 1e4)
    batch = batch_of(target, linear_images())
    outcome = run_attack(replace(APGD, beta=Beta(BetaRule.HNS)), target, batch, Threat(Norm.LINF, 0.2), seed=0)
    assert outcome.fooled.all()


def test_fooled_images_cost_nothing_more() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(32))
    outcome = run_attack(replace(APGD, steps=50), target, batch, Threat(Norm.LINF, 0.3), seed=0)
    assert outcome.fooled.all()
    assert outcome.cost.forwards == int((outcome.fooled_at + 1).sum())
