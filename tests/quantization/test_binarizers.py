"""Each binarizer against its update equation, on a problem of two weights: L(w) = (a w - t)^2 / 2."""

import math

import pytest
import torch

from bnnaudit.quantization.binarizers import BetaSchedule, Binarizer, training_signs
from bnnaudit.quantization.layers import BinaryLinear, clip_latent_weights

A, TARGET, RATE, BETA = (2.0, -1.0), 1.5, 0.3, 2.0


def stepped(binarizer: Binarizer, latent: tuple[float, float]) -> list[float]:
    """The latent weights after one step of plain gradient descent on the layer."""
    layer = BinaryLinear(2, 1, binarizer=binarizer).double()
    layer.beta = BETA
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([latent], dtype=torch.float64))
    optimizer = torch.optim.SGD(layer.parameters(), RATE)
    (0.5 * (layer(torch.tensor([A], dtype=torch.float64)) - TARGET) ** 2).sum().backward()
    optimizer.step()
    clip_latent_weights(layer)
    return layer.weight[0].tolist()


def gradient(weights: list[float]) -> list[float]:
    """dL/dw."""
    error = sum(a * w for a, w in zip(A, weights, strict=True)) - TARGET
    return [error * a for a in A]


def clipped(value: float) -> float:
    return min(max(value, -1.0), 1.0)


@pytest.mark.parametrize("latent", [(0.5, -0.25), (0.9, 0.6), (-0.1, 0.0)])
@pytest.mark.parametrize("binarizer", [Binarizer.BC, Binarizer.STE])
def test_signs_with_a_straight_through_gradient_and_a_clip(binarizer: Binarizer, latent: tuple[float, float]) -> None:
    g = gradient([1.0 if u >= 0 else -1.0 for u in latent])
    expected = [clipped(u - RATE * each) for u, each in zip(latent, g, strict=True)]
    assert stepped(binarizer, latent) == pytest.approx(expected, rel=1e-12)


def test_beyond_one_only_bc_has_a_gradient() -> None:
    g = gradient([1.0, -1.0])
    assert stepped(Binarizer.BC, (1.2, -0.5)) == pytest.approx([clipped(1.2 - RATE * g[0]), -0.5 - RATE * g[1]])
    assert stepped(Binarizer.STE, (1.2, -0.5)) == pytest.approx([1.0, -0.5 - RATE * g[1]])


@pytest.mark.parametrize("latent", [(0.5, -0.25), (1.5, 0.1)])
def test_gd_tanh(latent: tuple[float, float]) -> None:
    weights = [math.tanh(BETA * u) for u in latent]
    slopes = [BETA * (1 - w * w) for w in weights]
    expected = [u - RATE * g * s for u, g, s in zip(latent, gradient(weights), slopes, strict=True)]
    assert stepped(Binarizer.GD_TANH, latent) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("latent", [(0.5, -0.25), (1.5, 0.1)])
def test_md_tanh_s(latent: tuple[float, float]) -> None:
    weights = [math.tanh(BETA * u) for u in latent]
    expected = [u - RATE * g for u, g in zip(latent, gradient(weights), strict=True)]
    assert stepped(Binarizer.MD_TANH_S, latent) == pytest.approx(expected, rel=1e-12)


def test_md_tanh_s_is_mirror_descent_on_the_weights() -> None:
    """The mirror map's gradient at the new weights is that at the old ones less the step: artanh(w) / beta."""
    latent = (0.5, -0.25)
    before = [math.tanh(BETA * u) for u in latent]
    after = [math.tanh(BETA * u) for u in stepped(Binarizer.MD_TANH_S, latent)]
    dual = [math.atanh(w) / BETA - RATE * g for w, g in zip(before, gradient(before), strict=True)]
    assert [math.atanh(w) / BETA for w in after] == pytest.approx(dual, rel=1e-9)


@pytest.mark.parametrize("binarizer", Binarizer)
def test_training_finds_the_best_of_all_binary_weights(binarizer: Binarizer) -> None:
    """Of (+-1, +-1) the loss is smallest at (1, 1), from a start at the opposite corner."""
    latent = torch.tensor([-0.6, -0.6], dtype=torch.float64, requires_grad=True)
    schedule = BetaSchedule(end=1000.0)
    optimizer = torch.optim.SGD([latent], 0.05)
    for index in range(400):
        optimizer.zero_grad()
        weights = training_signs(latent, binarizer, schedule.at(index / 400))
        (0.5 * (2 * weights[0] - weights[1] - 1) ** 2 + 0.25 * (weights[1] - 1) ** 2).backward()
        optimizer.step()
        with torch.no_grad():
            latent.clamp_(-1, 1)
    assert (latent > 0).all()


def test_beta_is_that_of_the_paper_and_geometric() -> None:
    schedule = BetaSchedule()
    assert schedule.at(0) == 1
    assert schedule.at(200 / 100_000) == pytest.approx(1.02)
    assert schedule.at(0.5) == pytest.approx(1.02**250)
    assert schedule.at(1) == schedule.at(2) == pytest.approx(1.02**500)


@pytest.mark.parametrize(("start", "end"), [(0.0, 1.0), (2.0, 1.0), (1.0, math.inf), (1.0, math.nan)])
def test_a_schedule_that_does_not_grow_is_refused(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="needs 0 < start"):
        BetaSchedule(start, end)
