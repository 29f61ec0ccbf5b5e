"""DeepFool on linear models, and what becomes of an end outside the ball."""

import pytest
import torch
from torch import nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import DeepFool, Method, options_of
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.toy import batch_of, linear_target, target_of

DEEPFOOL = DeepFool()


@pytest.mark.parametrize("norm", list(Norm))
def test_one_step_goes_to_the_boundary_and_two_percent_further(norm: Norm) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    outcome = run_attack(DEEPFOOL, target, batch, Threat(norm, 1.0), seed=0)
    shift = outcome.images - batch.images
    length = shift.abs().amax(1) if norm is Norm.LINF else shift.norm(dim=1)
    assert outcome.fooled.all()
    assert outcome.fooled_at.tolist() == [1] * len(batch)
    assert torch.allclose(length, 1.02 * (boundary_distance(batch.images, norm) + 1e-4), rtol=1e-3)


@pytest.mark.parametrize("norm", list(Norm))
def test_it_counts_within_the_distance_only(norm: Norm) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(DEEPFOOL, target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.97 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


def test_of_several_boundaries_it_takes_the_nearest() -> None:
    """From (0.5, 0.5) class 1 begins 0.3 to the right, class 2 begins 0.1 above."""
    weights = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    target = linear_target(weights, torch.tensor([0.0, -0.8, -0.6]))
    batch = batch_of(target, torch.tensor([[0.5, 0.5]]))
    outcome = run_attack(DEEPFOOL, target, batch, Threat(Norm.L2, 0.2), seed=0)
    assert outcome.images[0].tolist() == pytest.approx([0.5, 0.5 + 1.02 * 0.1001], abs=1e-5)


def test_an_end_outside_the_ball_counts_as_far_as_the_ball_reaches() -> None:
    """A step that overshoots a kink lands far outside; drawn back, it is adversarial all the same."""
    network = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2))
    with torch.no_grad():
        for layer, weight, bias in ((network[0], [[1.0]], [0.0]), (network[2], [[1.0], [0.0]], [0.0, 0.45])):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    target = target_of(network, (1,), 2)
    batch = batch_of(target, torch.tensor([[0.5]]))
    # The boundary is 0.05 away and the search ends at 0.0511; the ball of 0.0505 holds adversarial points.
    outcome = run_attack(DEEPFOOL, target, batch, Threat(Norm.LINF, 0.0505), seed=0)
    assert outcome.fooled.tolist() == [True]
    assert outcome.images[0, 0].item() == pytest.approx(0.5 - 0.0505, abs=1e-6)


def test_restarts_would_repeat_it_and_are_no_option() -> None:
    assert "restarts" not in options_of(Method.DEEPFOOL)
    assert DEEPFOOL.image_steps == DEEPFOOL.steps
