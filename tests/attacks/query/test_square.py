"""Square Attack against closed forms, brute force and hand calculation."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from bnnaudit.attacks.query.square import (
    HALVINGS,
    L2Squares,
    LinfSquares,
    bump,
    share_at,
    two_sided_bump,
    window_mask,
    window_size,
)
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Square
from bnnaudit.core.threat import Box, Norm, Threat
from tests.attacks import linear
from tests.attacks.contract import contract_batch
from tests.attacks.corners import breakable, step_network
from tests.toy import batch_of, linear_target, target_of

SQUARE = Square(queries=400)


@pytest.mark.parametrize("norm", list(Norm))
def test_it_breaks_a_linear_model_on_vectors_within_its_distance(norm: Norm) -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(SQUARE, target, batch, threat, seed=0)
    distance = linear.boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.9 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


def test_it_finds_every_flip_that_enumerating_the_corners_finds() -> None:
    """A binary network on 1 x 2 x 3 images: all 64 corners of the ball against 2,000 queries."""
    target, batch = step_network()
    truth = breakable(target, batch, 0.1)
    outcome = run_attack(replace(SQUARE, queries=500, restarts=4), target, batch, Threat(Norm.LINF, 0.1), seed=0)
    assert torch.equal(outcome.fooled, truth)
    assert 0 < truth.sum() < len(batch)


def test_queries_are_forward_passes_and_no_gradient_is_taken() -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    steps: list[int] = []
    settings = replace(SQUARE, queries=50, restarts=3)
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, 0.03), 0, batch_size=10, on_progress=steps.append)
    assert outcome.cost.backwards == 0
    stand = ~outcome.fooled
    assert 0 < stand.sum() < len(batch)
    assert int(stand.sum()) * 150 <= outcome.cost.forwards <= len(batch) * 150
    assert sum(steps) == len(batch) * 150


def test_the_start_is_stripes_at_the_corners_of_the_ball() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, Box(0.0, 255.0))
    outcome = run_attack(replace(SQUARE, queries=1), target, batch, threat, seed=0)
    ends = [(batch.images + sign * threat.radius).clamp(0, 255) for sign in (-1, 1)]
    up = outcome.images == ends[1]
    assert (up | (outcome.images == ends[0])).all()
    assert (up == up[:, :, :1]).all()
    assert 0.3 < up.float().mean() < 0.7


def test_a_window_never_proposes_the_same_points() -> None:
    moves = LinfSquares(Threat(Norm.LINF, 0.1))
    origins = torch.full((64, 1, 4, 4), 0.5)
    points = origins + 0.1
    draws = torch.rand(64, 3, generator=torch.Generator().manual_seed(0))
    proposed = moves.propose(points, origins, draws, 0.01)
    changed = (proposed != points).flatten(1).sum(dim=1)
    assert (changed == changed[0]).all()
    assert changed[0] > 0
    assert torch.allclose(proposed.amin(dim=(1, 2, 3)), torch.tensor(0.4))


def test_windows_lie_inside_and_have_their_size() -> None:
    draws = torch.tensor([[0.0, 0.0], [0.999999, 0.999999], [0.5, 0.25]])
    mask = window_mask(draws, (2, 3), (3, 5, 7))
    assert mask.shape == (3, 1, 5, 7)
    assert mask.flatten(1).sum(dim=1).tolist() == [6, 6, 6]
    assert mask[0, 0, :2, :3].all()
    assert mask[1, 0, 3:, 4:].all()
    assert mask[2, 0, 2:4, 1:4].all()


def test_the_schedule_is_the_paper_s() -> None:
    assert share_at(0) == 0.8
    for halvings, bound in enumerate(HALVINGS):
        assert share_at(bound / 10_000) == 0.8 / 2**halvings
        assert share_at((bound + 0.5) / 10_000) == 0.8 / 2 ** (halvings + 1)
    assert window_size(0.8, 30, 30) == (27, 27)
    assert window_size(0.05, 32, 32) == (7, 7)
    assert window_size(0.5, 1, 784) == (1, 392)
    assert window_size(0.8, 4, 40) == (4, 32)
    assert window_size(1e-6, 8, 8) == (1, 1)
    assert window_size(1e-6, 8, 8, least=3) == (3, 3)


def test_the_bump_is_the_paper_s_sum() -> None:
    """h = 5: rings of 1/9, 1/9 + 1/4 and 1/9 + 1/4 + 1 from the edge to the centre."""
    edge, ring, centre = 1 / 9, 1 / 9 + 1 / 4, 1 / 9 + 1 / 4 + 1
    expected = torch.full((5, 5), edge)
    expected[1:4, 1:4] = ring
    expected[2, 2] = centre
    assert torch.allclose(bump(5, 5), expected)
    for window, axis in itertools.product([(3, 3), (5, 5), (1, 6), (1, 1), (8, 3)], (0, 1)):
        relief = two_sided_bump(window, axis)
        assert relief.shape == window
        assert relief.norm().item() == pytest.approx(1)
        assert window[axis] < 2 or (relief.min() < 0 < relief.max())


def test_an_l2_move_spends_the_whole_radius_where_the_box_is_far() -> None:
    moves = L2Squares(Threat(Norm.L2, 0.3))
    origins = torch.full((16, 3, 9, 9), 0.5)
    generator = torch.Generator().manual_seed(0)
    points = origins
    for progress in (0.0, 0.01, 0.2, 0.9):
        points = moves.propose(points, origins, torch.rand(16, 8, generator=generator), progress)
        assert torch.allclose((points - origins).flatten(1).norm(dim=1), torch.tensor(0.3), atol=1e-6)


def test_it_is_no_weaker_than_torchattacks() -> None:
    """The same network, images and number of queries: 200 digits at two radii."""
    torchattacks = pytest.importorskip("torchattacks")
    target, batch = contract_batch()
    generator = torch.Generator().manual_seed(3)
    network = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 32), nn.ReLU(), nn.Linear(32, 5)
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    target = target_of(network, (1, 8, 8), 5)
    batch = batch_of(target, torch.rand(200, 1, 8, 8, generator=generator))
    for norm, eps in ((Norm.LINF, 0.03), (Norm.L2, 0.3)):
        peer = torchattacks.Square(
            network, norm={"linf": "Linf", "l2": "L2"}[norm], eps=eps, n_queries=300, seed=0, p_init=0.8
        )
        with torch.no_grad():
            theirs = network(peer(batch.images, batch.labels)).argmax(dim=1) == batch.labels
        outcome = run_attack(replace(SQUARE, queries=300), target, batch, Threat(norm, eps), seed=0)
        assert 20 < int((~outcome.fooled).sum()) < 180
        assert int((~outcome.fooled).sum()) <= int(theirs.sum()) + 2
