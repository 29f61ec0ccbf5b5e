"""The watched attack against traces made by hand, and against the attack itself."""

import torch

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Pgd
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import ClimbProbe
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.measurements.climb import judge_trace, measure_climb, trace
from tests.toy import batch_of, linear_target

PLAN = AuditPlan(Threat(Norm.LINF, 0.1), Pgd(steps=10), 8, False)
GENERATOR = torch.Generator().manual_seed(0)
TARGET = linear_target(torch.randn(3, 8, generator=GENERATOR), torch.zeros(3))
BATCH = batch_of(TARGET, torch.rand(40, 8, generator=GENERATOR))


def test_each_count_on_a_trace_made_for_it() -> None:
    losses = torch.tensor(
        [
            [1.0, 1.0, 1.0, 1.0, 1.0],  # flat
            [1.0, 0.5, 0.2, 0.1, 0.9],  # falls, and so never rises above its start
            [0.0, 1.0, 2.0, 2.0, 2.0],  # converged
            [0.0, 1.0, 2.0, 3.0, 4.0],  # still rising
            [0.0, 3.0, 1.0, 1.0, 1.0],  # wrong on the way only
            [0.0, 1.0, 2.0, 3.0, 4.0],  # fooled
        ],
        dtype=torch.float64,
    )
    wrong = torch.zeros(6, 5, dtype=torch.bool)
    wrong[4, 1] = True
    wrong[5, 3:] = True
    assert judge_trace(losses, wrong) == ClimbProbe(images=6, steps=4, standing=4, flat=2, rising=1, passed_over=1)


def test_it_watches_the_ordinary_attack() -> None:
    """The images that the attack fools are those with a misclassified iterate, at the same first step."""
    _, wrong = trace(TARGET, BATCH, PLAN)
    outcome = run_attack(PLAN.ordinary, TARGET, BATCH, PLAN.threat, PLAN.seed)
    assert torch.equal(wrong.any(dim=1), outcome.fooled)
    first = torch.where(wrong.any(dim=1), wrong.int().argmax(dim=1), -1)
    assert torch.equal(first, outcome.fooled_at)


def test_a_linear_network_is_climbed() -> None:
    seen = measure_climb(TARGET, BATCH, PLAN)
    assert seen.images == 40
    assert seen.flat == 0
    assert measure_climb(TARGET, BATCH.select(slice(0, 0)), PLAN) == ClimbProbe(0, 10, 0, 0, 0, 0)


def test_saturated_logits_are_not() -> None:
    saturated = linear_target(TARGET.network.weight * 1e5, torch.zeros(3))  # type: ignore[operator, union-attr]
    seen = measure_climb(saturated, BATCH, PLAN)
    assert seen.flat == seen.standing > 0
