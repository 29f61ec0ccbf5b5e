"""The ways of the choosing bench on linear models: the fall along a step in closed form, and budgets that are kept."""

from __future__ import annotations

import pytest
import torch

from bnnaudit.attacks.auto.candidates import candidates
from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.bench.halving import WAYS, Run, fall_along, finished
from tests.toy import batch_of, linear_target


def blank(eps: float, budget: int = 60) -> Run:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(24))
    threat = Threat(Norm.LINF, eps)
    among = candidates(threat, False, 3)
    return Run(target, batch, threat, 0, budget, BestSoFar.blank(batch), among, torch.zeros(24))


def test_the_fall_along_a_linear_model_s_step_is_the_radius_times_the_dual_norm() -> None:
    run = blank(0.01)
    falls = fall_along(run, run.among[0], run.batch, run.batch.images, 0.0)
    assert torch.allclose(falls, torch.full((24,), 0.01 * float((WEIGHTS[0] - WEIGHTS[1]).abs().sum())), atol=1e-5)
    assert run.total == 24


@pytest.mark.parametrize("name", WAYS)
def test_every_way_breaks_what_is_near_and_keeps_the_budget(name: str) -> None:
    run = finished(blank(0.04), WAYS[name])
    distance = boundary_distance(run.batch.images, Norm.LINF)
    assert run.best.fooled[distance < 0.97 * 0.04].all()
    assert not run.best.fooled[distance > 0.04].any()
    assert 0 < run.best.fooled.sum() < 24
    assert run.spent.max() <= run.budget
    assert run.total <= 24 * run.budget
