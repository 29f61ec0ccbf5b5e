"""The search by windows against closed forms and brute force."""

from __future__ import annotations

import torch

from bnnaudit.attacks.auto.windows import corner_stripes, round_passes, search_windows, windows
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.attacks import linear
from tests.attacks.corners import breakable, step_network
from tests.toy import batch_of, linear_target


def searched(
    target: Target,
    batch: Batch,
    threat: Threat,
    rounds: int,
    surrogate: str = "identity",
    batch_size: int = 256,
    starts: torch.Tensor | None = None,
) -> Outcome:
    def context(text: str) -> Context:
        settings = Pgd(surrogate=Surrogate.parse(text))
        return prepared(settings, target, threat, batch, 0, batch_size, lambda _: None)

    begin = batch.images if starts is None else starts
    return search_windows(context(surrogate).stages, context("identity"), batch, begin, rounds, 0)


def test_on_a_linear_model_it_ends_in_the_corner_of_the_least_margin() -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    eps = 0.04
    outcome = searched(target, batch, Threat(Norm.LINF, eps), rounds=40)
    distance = linear.boundary_distance(batch.images, Norm.LINF)
    assert torch.equal(outcome.fooled, distance < eps)
    dual = (linear.WEIGHTS[0] - linear.WEIGHTS[1]).abs().sum()
    stands = ~outcome.fooled
    assert 0 < stands.sum() < len(batch)
    torch.testing.assert_close(outcome.margins[stands], ((distance - eps) * dual)[stands])


def fooled_from_corners(target: Target, batch: Batch, eps: float, surrogate: str) -> torch.Tensor:
    """Which images (N,) bool the search fools from one of eight corners of the ball, or from the image itself."""
    generator = torch.Generator().manual_seed(1)
    fooled = searched(target, batch, Threat(Norm.LINF, eps), 40, surrogate).fooled
    for _ in range(8):
        starts = batch.images + eps * torch.randn(batch.images.shape, generator=generator).sign()
        fooled = fooled | searched(target, batch, Threat(Norm.LINF, eps), 40, surrogate, starts=starts).fooled
    return fooled


def test_it_finds_what_enumerating_the_corners_finds() -> None:
    target, batch = step_network()
    truth = breakable(target, batch, 0.1)
    assert torch.equal(fooled_from_corners(target, batch, 0.1, "tanh:1"), truth)
    assert 0 < truth.sum() < len(batch)


def test_a_gradient_of_zero_does_not_stop_it() -> None:
    """A surrogate so narrow that no unit passes a gradient leaves the windows whose ends are drawn."""
    target, batch = step_network()
    assert torch.equal(fooled_from_corners(target, batch, 0.1, "clipped:1e-9"), breakable(target, batch, 0.1))


def test_it_keeps_to_ball_and_box_and_its_word() -> None:
    target, batch = step_network()
    threat = Threat(Norm.LINF, 0.35)
    outcome = searched(target, batch, threat, rounds=20)
    assert (outcome.images - batch.images).abs().max() <= threat.eps + 1e-6
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 1
    with torch.no_grad():
        classes = target.logits(outcome.images).argmax(dim=1)
    assert torch.equal(classes != batch.labels, outcome.fooled)
    assert torch.equal(outcome.fooled_at >= 0, outcome.fooled)


def test_an_image_does_not_care_who_else_is_searched() -> None:
    target, batch = step_network()
    threat = Threat(Norm.LINF, 0.08)
    together = searched(target, batch, threat, rounds=40, surrogate="tanh:1:absolute")
    cut = searched(target, batch, threat, rounds=40, surrogate="tanh:1:absolute", batch_size=7)
    alone = searched(target, batch.select(slice(5, 9)), threat, rounds=40, surrogate="tanh:1:absolute")
    assert torch.equal(together.images, cut.images)
    assert torch.equal(together.images[5:9], alone.images)
    assert torch.equal(together.fooled_at[5:9], alone.fooled_at)


def test_no_rounds_are_a_look_at_the_start() -> None:
    target, batch = step_network()
    outcome = searched(target, batch, Threat(Norm.LINF, 0.1), rounds=0)
    assert torch.equal(outcome.images, batch.images)
    assert not outcome.fooled.any()
    assert outcome.cost.forwards == len(batch)
    assert outcome.cost.backwards == 0


def test_windows_are_squares_inside_the_image_and_of_every_size() -> None:
    masks = windows(torch.rand(4000, 3, generator=torch.Generator().manual_seed(0)), 6, 9)
    rows, columns = masks.any(dim=2), masks.any(dim=1)
    heights, widths = rows.sum(dim=1), columns.sum(dim=1)
    assert torch.equal(masks.sum(dim=(1, 2)), heights * widths)
    assert all(len(torch.unique_consecutive(row)) <= 3 for row in (*rows[:200], *columns[:200]))
    assert (heights == widths)[heights < 6].all()
    assert set(heights.tolist()) == set(range(1, 7))
    assert masks.any(dim=0).all()


def test_windows_of_a_vector_are_stretches() -> None:
    draws = torch.rand(4000, 3, generator=torch.Generator().manual_seed(0))
    draws[0, 2] = 0
    sizes = windows(draws, 1, 20).sum(dim=(1, 2))
    assert set(sizes.tolist()) >= set(range(1, 19))
    assert sizes[0] == 20


def test_stripes_are_corners_of_the_ball_and_on_the_grid() -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    for bits in (None, 8):
        threat = Threat(Norm.LINF, 0.04, image_bits=bits)
        context = prepared(Pgd(), target, threat, batch, 0, 256, lambda _: None)
        stripes = corner_stripes(context, batch)
        if bits is None:
            corners = torch.stack([batch.images - 0.04, batch.images + 0.04]).clamp(0, 1)
            assert torch.isclose(stripes, corners, atol=1e-6).any(dim=0).all()
            assert (stripes > batch.images).any()
            assert (stripes < batch.images).any()
        else:
            moved = stripes[stripes != batch.images]
            assert len(moved) > 0
            assert torch.allclose((moved * 255).round() / 255, moved, atol=1e-6)
        assert (stripes - batch.images).abs().max() <= 0.04 + 1e-6


def test_a_round_costs_what_it_says_however_many_windows_follow() -> None:
    target = linear_target(linear.WEIGHTS, linear.BIAS)
    batch = batch_of(target, linear.linear_images())
    context = prepared(Pgd(), target, Threat(Norm.LINF, 1e-6), batch, 0, 256, lambda _: None)
    for following in (1, 3):
        found = search_windows(context.stages, context, batch, batch.images, 4, 0, following)
        assert not found.fooled.any()
        assert found.cost.forwards + found.cost.backwards == len(batch) * (1 + 4 * round_passes(following))
