"""Random search: where its points lie, and what a linear model says it must find."""

from dataclasses import replace

import pytest
import torch

from bnnaudit.attacks.query.random_search import draw
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import RandomSearch
from bnnaudit.core.threat import Norm, Threat
from tests.attacks import linear
from tests.toy import batch_of, linear_target

RANDOM = RandomSearch(queries=400)


@pytest.mark.parametrize("norm", list(Norm))
def test_its_points_are_in_the_ball_and_every_other_one_is_extreme(norm: Norm) -> None:
    draws = draw(Threat(norm, 0.1), 0, [0, 1, 2], 0, 0, 4)
    lengths = draws.abs().amax(dim=2) if norm is Norm.LINF else draws.norm(dim=2)
    assert draws.shape[1] > 1000
    assert (lengths <= 1 + 1e-6).all()
    assert torch.allclose(lengths[:, 1::2], torch.tensor(1.0))
    # Uniform in four dimensions: P(length < r) = r^4.
    inner = (lengths[:, ::2] < 0.8).float().mean().item()
    assert inner == pytest.approx(0.8**4, abs=0.02)
    if norm is Norm.LINF:
        assert (draws[:, 1::2].abs() == 1).all()
        assert abs(draws[:, 1::2].mean().item()) < 0.02


@pytest.mark.parametrize("norm", list(Norm))
def test_it_finds_what_a_good_part_of_the_ball_fools_and_nothing_beyond_the_distance(norm: Norm) -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(RANDOM, target, batch, threat, seed=0)
    distance = linear.boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.8 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert outcome.cost.backwards == 0
    assert outcome.cost.forwards == int(torch.where(outcome.fooled, outcome.fooled_at + 1, 400).sum())


def test_vectors_with_more_features_than_a_block_holds_still_get_both_kinds() -> None:
    target = linear_target(torch.randn(2, 20_000, generator=torch.Generator().manual_seed(0)), torch.zeros(2))
    batch = batch_of(target, torch.full((2, 20_000), 0.5))
    outcome = run_attack(replace(RANDOM, queries=5), target, batch, Threat(Norm.LINF, 0.01), seed=0)
    assert outcome.cost.forwards <= 10


@pytest.mark.parametrize("norm", list(Norm))
def test_draws_that_share_a_pass_give_what_they_give_one_by_one(norm: Norm) -> None:
    """A batch of one image at a time, in passes of one draw, and all images in passes of many."""
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    settings = replace(RANDOM, queries=90, restarts=2)
    single = run_attack(settings, target, batch, threat, seed=0, batch_size=1)
    told: list[int] = []
    many = run_attack(settings, target, batch, threat, 0, None, 1000, told.append)
    assert 0 < int(many.fooled.sum()) < len(batch)
    assert torch.equal(single.images, many.images)
    assert torch.equal(single.fooled_at, many.fooled_at)
    assert single.cost == many.cost
    assert sum(told) == len(batch) * 180
    assert len(told) < 180
