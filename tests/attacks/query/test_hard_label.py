"""The hard-label attack against closed forms, hand calculation and a peer."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.attacks.query.hard_label.rays import Rays, blocks_of
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import HardLabel
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.attacks import linear
from tests.attacks.contract import contract_batch, contract_threats
from tests.toy import batch_of, linear_target, target_of

HARD_LABEL = HardLabel(queries=400)


def wide_linear(features: int) -> tuple[Target, Batch, Tensor]:
    """Two classes of many features, images far from the box's ends, and the difference of the weights."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(2, features, generator=generator)
    target = linear_target(weights, -weights.sum(1) / 2)
    batch = batch_of(target, 0.3 + 0.4 * torch.rand(100, features, generator=generator))
    return target, batch, weights[0] - weights[1]


@pytest.mark.parametrize("norm", list(Norm))
def test_few_features_fall_almost_exactly_within_their_distance(norm: Norm) -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(HARD_LABEL, target, batch, threat, seed=0)
    distance = linear.boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.97 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


@pytest.mark.parametrize(("norm", "share"), [(Norm.LINF, 0.97), (Norm.L2, 0.85)])
def test_500_queries_come_close_to_the_distance_in_64_dimensions(norm: Norm, share: float) -> None:
    """The smallest L-inf radius of a linear model is |margin| / ||w||_1, the smallest L2 radius |margin| / ||w||_2."""
    target, batch, difference = wide_linear(64)
    dual = difference.abs().sum() if norm is Norm.LINF else difference.norm()
    distance = ((batch.images - 0.5) @ difference).abs() / dual
    threat = Threat(norm, float(distance.median()))
    outcome = run_attack(replace(HARD_LABEL, queries=500), target, batch, threat, seed=0)
    assert outcome.fooled[distance < share * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps * (1 + 1e-4)].any()


class OnlyTheClass(nn.Module):
    """A network whose scores tell nothing but which is the largest."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        scores: Tensor = self.network(inputs)
        return nn.functional.one_hot(scores.argmax(dim=1), scores.shape[1]).float()


@pytest.mark.parametrize("norm", list(Norm))
def test_it_learns_nothing_but_the_class(norm: Norm) -> None:
    target, batch = contract_batch()
    (threat,) = (threat for threat in contract_threats(HARD_LABEL) if threat.norm is norm)
    bare = replace(target, network=OnlyTheClass(target.network))
    scored, blind = (run_attack(HARD_LABEL, each, batch, threat, seed=0) for each in (target, bare))
    assert torch.equal(scored.images, blind.images)
    assert torch.equal(scored.fooled_at, blind.fooled_at)
    assert scored.fooled.any()
    assert not scored.margins.isfinite().any()


@pytest.mark.parametrize("norm", list(Norm))
def test_no_image_asks_more_than_its_queries_and_no_gradient_is_taken(norm: Norm) -> None:
    target, batch, _ = wide_linear(64)
    threat = Threat(norm, 0.01 if norm is Norm.LINF else 0.1)
    heard: list[int] = []
    settings = replace(HARD_LABEL, queries=90, restarts=2)
    outcome = run_attack(settings, target, batch, threat, 0, batch_size=30, on_progress=heard.append)
    assert outcome.cost.backwards == 0
    assert 0 < outcome.fooled.sum() < len(batch)
    assert outcome.cost.forwards <= int((~outcome.fooled).sum()) * 180 + int(outcome.fooled.sum()) * 180
    assert outcome.fooled_at.max() < 90
    assert sum(heard) == len(batch) * 180


def test_blocks_halve_down_to_single_pixels() -> None:
    assert blocks_of(5).tolist() == [
        *([0, 5],),
        *([0, 3], [3, 5]),
        *([0, 2], [2, 4], [4, 5]),
        *([0, 1], [1, 2], [2, 3], [3, 4], [4, 5]),
    ]


def test_a_ray_is_asked_at_the_known_distance_then_at_the_radius_then_halfway() -> None:
    """Radius 0.1 in a box of width 1: the class changes at 0.3 along the first ray, and nowhere along its opposite."""
    blocks, rays = blocks_of(2), Rays.along(torch.ones(1, 2), 1.0)
    asked: list[float] = []
    while bool((rays.block < 0).all()):
        at = rays.at(0.1)
        asked.append(float(at))
        rays = rays.after(at, at >= 0.3, blocks)
    assert asked[:5] == pytest.approx([1.0, 0.1, 0.55, 0.325, 0.2125])
    assert 0.3 <= float(rays.reach) <= 0.3 * 1.03
    assert rays.tried.tolist() == [[-1.0, -1.0]]
    assert float(rays.at(0.1)) == float(rays.reach)
    refused = rays.after(rays.at(0.1), torch.tensor([False]), blocks)
    assert refused.signs.tolist() == [[1.0, 1.0]]
    assert refused.tried.tolist() == [[-1.0, 1.0]]


def test_without_an_image_of_another_class_it_starts_from_a_random_one() -> None:
    target, batch, _ = wide_linear(16)
    alone = batch.select(batch.labels == batch.labels[0])
    outcome = run_attack(HARD_LABEL, target, alone, Threat(Norm.L2, 0.5), seed=0, calibration=alone)
    assert outcome.fooled.float().mean() > 0.5


class Counted(nn.Module):
    """Takes whatever precision comes, and counts the images."""

    def __init__(self) -> None:
        super().__init__()
        self.images = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.images += len(inputs)
        return inputs.float()


def test_it_is_no_weaker_than_art() -> None:
    """HopSkipJump of the Adversarial Robustness Toolbox, about as many queries, the same images and radius."""
    attacks = pytest.importorskip("art.attacks.evasion")
    estimators = pytest.importorskip("art.estimators.classification")
    generator = torch.Generator().manual_seed(3)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 5))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
        network[1].bias.copy_(-network[1].weight.sum(dim=1) / 2)
    target = target_of(network, (1, 8, 8), 5)
    batch = batch_of(target, torch.rand(20, 1, 8, 8, generator=generator))
    counted = Counted()
    loss = nn.CrossEntropyLoss()
    classifier = estimators.PyTorchClassifier(
        nn.Sequential(counted, network), loss, (1, 8, 8), 5, clip_values=(0.0, 1.0)
    )
    peer = attacks.HopSkipJump(classifier, max_iter=4, init_eval=20, max_eval=200, init_size=20, verbose=False)
    theirs = torch.from_numpy(peer.generate(batch.images.numpy())).float()
    queries = counted.images // len(batch)
    reached = (theirs - batch.images).flatten(1).norm(dim=1)
    assert queries > 100
    assert reached.min() > 0
    for eps in reached.quantile(torch.tensor([0.3, 0.7])).tolist():
        settings = replace(HARD_LABEL, queries=queries)
        outcome = run_attack(settings, target, batch, Threat(Norm.L2, eps), seed=0)
        assert int(outcome.fooled.sum()) >= int((reached <= eps).sum()) - 1
