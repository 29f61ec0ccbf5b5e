"""What fools the copy alone is attacked again, with the deployed model as the judge."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch

from bnnaudit.auditing.second_attempts import MOST, judged_as_deployed
from bnnaudit.auditing.trials import RunInputs, run_trial
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source, Trial
from tests.toy import linear_target

LEAD = 0.05
"""What the deployed model grants the first class, by which the copy's boundary is not its own."""


def leaning() -> Target:
    """Two classes by x > 0.5; as deployed by x > 0.5 + LEAD."""
    target = linear_target(torch.tensor([[-1.0], [1.0]]), torch.tensor([0.5, -0.5]))
    shift = torch.tensor([2 * LEAD, 0.0])
    return replace(target, deployed=lambda images: target.logits(images).detach() + shift)


def trial_on(images: torch.Tensor, eps: float, source: Source = Source.WHITE_BOX) -> tuple[int, int]:
    """How many images fall to 40 steps of a fortieth, and how many of the copy's successes the deployed model denies."""
    target = leaning()
    batch = Batch(images, torch.zeros(len(images), dtype=torch.int64), torch.arange(len(images)))
    inputs = RunInputs(target, batch, torch.ones(len(images)) > 0, 0, 64, climbed={Source.AVERAGED: target})
    settings = Pgd(steps=40, step_size=0.025)
    result, _ = run_trial(inputs, Trial(settings, Threat(Norm.LINF, eps), source))
    return int((result.fooled_at >= 0).sum()), result.replay_disagreements


def test_the_attack_goes_on_to_where_the_deployed_model_is_wrong() -> None:
    assert trial_on(torch.tensor([[0.3], [0.4], [0.45]]), 0.3) == (3, 0)


def test_what_no_point_of_the_ball_fools_stays_a_disagreement() -> None:
    """Of 0.4 and 0.48, at most 0.1 away, the copy takes 0.5 and beyond for the second class, the deployed model 0.55."""
    assert trial_on(torch.tensor([[0.41], [0.48]]), 0.1) == (1, 1)


@pytest.mark.parametrize(
    ("count", "source", "least"),
    [(2 * MOST, Source.WHITE_BOX, MOST + 1), (3, Source.AVERAGED, 1)],
    ids=["too many", "another network's attack"],
)
def test_others_are_not_attacked_again(count: int, source: Source, least: int) -> None:
    """A step of a fortieth ends between the two boundaries wherever it came from below the first."""
    fallen, denied = trial_on(torch.full((count, 1), 0.3), 0.3, source)
    assert fallen + denied == count
    assert denied >= least


def test_the_judged_copy_has_the_deployed_answers_and_its_own_gradients() -> None:
    target = leaning()
    images = torch.tensor([[0.3], [0.52], [0.7]])
    judged = judged_as_deployed(target, images)
    assert judged.logits(images).argmax(1).tolist() == [0, 0, 1]
    points = images.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(judged.logits(points)[:, 1].sum(), points)
    assert gradient.flatten().tolist() == [1.0, 1.0, 1.0]
    assert torch.equal(copy.deepcopy(judged.network)(images), judged.logits(images))
