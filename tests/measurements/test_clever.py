"""CLEVER against linear models, whose distances it must give exactly, a brute-forced softmax, and ART."""

import numpy as np
import pytest
import torch
from torch import nn

from bnnaudit.core.attack import Beta
from bnnaudit.core.clever import Ball, CleverSettings, usual_radii
from bnnaudit.core.threat import Box
from bnnaudit.measurements.clever import clever_scores
from bnnaudit.numerics.losses import margin
from tests.toy import batch_of, linear_target, target_of

WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 0.0], [-1.0, 1.0, 0.0, 0.25], [0.2, 0.1, -0.4, 0.3]])
BIAS = torch.tensor([0.3, 0.0, 0.1])
DUALS = {Ball.L1: float("inf"), Ball.L2: 2.0, Ball.LINF: 1.0}
WIDE = {ball: 10.0 for ball in Ball}


def images(count: int = 12) -> torch.Tensor:
    return torch.rand(count, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("box", [Box(), Box(0.0, 255.0)], ids=["unit", "pixels"])
def test_the_score_of_a_linear_model_is_the_distance_to_its_boundary(box: Box) -> None:
    """The gradient is the same everywhere; the distance is the least over the other classes, in the [0,1] image."""
    target = linear_target(WEIGHTS / box.width, BIAS, box)
    batch = batch_of(target, images() * box.width)
    settings = CleverSettings(betas=(), batches=5, draws=4, targets=2, radii=WIDE)
    found = clever_scores(target, batch, settings, seed=0)
    logits = images() @ WEIGHTS.T + BIAS
    for ball in Ball:
        for row, label in enumerate(batch.labels.tolist()):
            distances = [
                (logits[row, label] - logits[row, other]) / (WEIGHTS[label] - WEIGHTS[other]).norm(p=DUALS[ball])
                for other in range(3)
                if other != label
            ]
            assert found.scores[ball][row, 0].item() == pytest.approx(float(min(distances)), rel=1e-4)


def test_norms_without_a_radius_are_left_out_and_the_others_stay_as_they_are() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, images(4))
    units: list[int] = []
    every = clever_scores(target, batch, CleverSettings((), WIDE, batches=5, draws=4), 0)
    only = clever_scores(
        target, batch, CleverSettings((), {Ball.L1: WIDE[Ball.L1]}, batches=5, draws=4), 0, on_progress=units.append
    )
    assert list(only.scores) == [Ball.L1]
    assert torch.equal(only.scores[Ball.L1], every.scores[Ball.L1])
    assert sum(units) == 4


def test_no_score_exceeds_the_radius() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, images())
    settings = CleverSettings(betas=(), batches=5, draws=4, radii={ball: 1e-3 for ball in Ball})
    for scores in clever_scores(target, batch, settings, seed=0).scores.values():
        assert (scores <= 1e-3).all()
        assert scores.max().item() == pytest.approx(1e-3)


def test_a_saturated_softmax_looks_far_from_everything_until_a_temperature_is_set() -> None:
    """In 400 dimensions random points stay far from a boundary that is well inside the ball: only the slope can tell."""
    generator = torch.Generator().manual_seed(0)
    normal = torch.randn(400, generator=generator)
    middle = torch.full((3, 400), 0.5) + 0.001 * torch.randn(3, 400, generator=generator)
    offset = 0.5 * normal.norm() - middle[0] @ normal
    target = linear_target(1e4 * torch.stack([normal, -normal]) / 2, 1e4 * torch.stack([offset, -offset]) / 2)
    batch = batch_of(target, middle)
    rules = tuple(Beta.parse(text) for text in ("none", "njs", "hns", "1e-5"))
    radii = {Ball.L1: 20.0, Ball.L2: 2.0, Ball.LINF: 0.1}
    found = clever_scores(target, batch, CleverSettings(rules, radii, batches=20, draws=10, targets=1), seed=0)
    assert found.betas.shape == (3, 5)
    for ball, scores in found.scores.items():
        distances = (middle @ normal + offset) / normal.norm(p=DUALS[ball])
        assert torch.allclose(scores[:, 0], distances, rtol=1e-3)
        assert (scores[:, 1] == radii[ball]).all()
        for column in (2, 3, 4):
            assert (scores[:, column] < 0.7 * radii[ball]).all()
            assert (scores[:, column] > 0.2 * distances).all()


def test_the_softmax_score_is_the_margin_over_the_steepest_slope_in_the_ball() -> None:
    """Two classes: p_k - p_j = tanh(b m / 2), slope b / 2 sech^2(b m / 2) times the weights' norm; the least m is at a corner."""
    weights, bias = WEIGHTS[:2], BIAS[:2]
    target = linear_target(weights, bias)
    middle = torch.full((1, 4), 0.5)
    batch = batch_of(target, middle)
    b, radius = 2.0, 0.05
    settings = CleverSettings(
        betas=(Beta.parse("2"),), batches=60, draws=200, targets=1, radii={**WIDE, Ball.LINF: radius}
    )
    score = clever_scores(target, batch, settings, seed=0).scores[Ball.LINF][0, 1].item()
    difference = (weights[0] - weights[1]).double()
    gap = abs(float(middle.double() @ difference + bias[0] - bias[1]))
    norm = float(difference.abs().sum())
    nearest = max(0.0, gap - radius * norm)
    steepest = b / 2 / np.cosh(b * nearest / 2) ** 2 * norm
    assert score == pytest.approx(min(np.tanh(b * gap / 2) / steepest, radius), rel=0.03)


def test_scores_repeat_and_do_not_depend_on_the_batch() -> None:
    generator = torch.Generator().manual_seed(1)
    network = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    target = target_of(network, (6,), 4)
    batch = batch_of(target, torch.rand(6, 6, generator=generator))
    settings = CleverSettings(betas=(Beta(),), batches=8, draws=12, targets=3, radii=usual_radii(6))
    units: list[int] = []
    whole = clever_scores(target, batch, settings, 3, on_progress=units.append)
    part = clever_scores(target, batch.select(slice(2, 4)), settings, 3, batch_size=5)
    assert sum(units) == 6 * len(Ball)
    for ball in Ball:
        assert torch.allclose(whole.scores[ball][2:4], part.scores[ball], rtol=1e-4)
    none = clever_scores(target, batch.select(slice(0, 0)), settings, 3)
    assert all(len(scores) == 0 for scores in none.scores.values())


def test_it_agrees_with_art() -> None:
    """ART's clever_u on a smooth network's logits, an image at a time; both sample and fit, so within a few per cent."""
    metrics = pytest.importorskip("art.metrics")
    estimators = pytest.importorskip("art.estimators.classification")
    generator = torch.Generator().manual_seed(1)
    network = nn.Sequential(nn.Linear(6, 24), nn.Tanh(), nn.Linear(24, 4))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0.5 if parameter.dim() > 1 else 0.0))
    target = target_of(network, (6,), 4)
    everyone = batch_of(target, 0.2 + 0.6 * torch.rand(200, 6, generator=generator))
    with torch.no_grad():
        batch = everyone.select(margin(target.logits(everyone.images), everyone.labels).argsort()[:20:5])
    settings = CleverSettings(betas=(), batches=40, draws=80, targets=3, radii={**WIDE, Ball.L2: 1.0})
    ours = clever_scores(target, batch, settings, seed=0).scores[Ball.L2][:, 0].numpy()
    model = estimators.PyTorchClassifier(network, nn.CrossEntropyLoss(), (6,), 4, clip_values=(0.0, 1.0))
    np.random.seed(0)
    images = batch.images.numpy()
    theirs = np.array([metrics.clever_u(model, image, 40, 80, 1.0, norm=2, verbose=False) for image in images])
    # Now and then its fit runs away to an end at infinity, and the score to zero.
    usable = theirs > 1e-3
    assert usable.sum() >= 3
    ratios = ours[usable] / theirs[usable]
    assert np.median(ratios) == pytest.approx(1, abs=0.05)
    assert ratios == pytest.approx(1, abs=0.15)
    assert (ours[usable] < 0.9).all()
