"""Contracts that hold for every temperature rule, and each rule against its definition by hand."""

import math

import pytest
import torch

from bnnaudit.core.attack import DEFAULT_RHO as RHO
from bnnaudit.core.attack import Beta, BetaRule, Curvature
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.temperature import RULES, fit_temperature
from tests.toy import batch_of, small_network, target_of


def setting(count: int = 12, scale: float = 1.5) -> tuple[Target, Batch]:
    target = target_of(small_network(scale=scale), (6,), 4)
    images = torch.rand(count, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    return target, batch_of(target, images)


def test_every_rule_is_in_the_table() -> None:
    assert set(RULES) == set(BetaRule)


@pytest.mark.parametrize("rule", list(BetaRule))
def test_b_is_positive_finite_and_independent_of_company(rule: BetaRule) -> None:
    target, batch = setting()
    temperature = fit_temperature(Beta(rule, 0.1), target, batch)

    def betas(rows: slice) -> torch.Tensor:
        points, labels = batch.images[rows], batch.labels[rows]
        logits = target.logits(points)
        start, _ = temperature.at_start(target, points, logits, labels)
        return temperature.at_step(start, logits, labels)

    together = betas(slice(0, 12))
    assert (together > 0).all()
    assert together.isfinite().all()
    assert torch.allclose(together[4:5], betas(slice(4, 5)), rtol=1e-9)


def test_njs_b1_is_one_over_the_mean_singular_value_by_hand() -> None:
    target, batch = setting()
    singular = [
        torch.linalg.svdvals(torch.autograd.functional.jacobian(target.network, image[None]).reshape(4, 6))
        for image in batch.images
    ]
    temperature = fit_temperature(Beta(BetaRule.NJS), target, batch)
    b1, _ = temperature.at_start(target, batch.images, target.logits(batch.images), batch.labels)
    assert torch.allclose(b1, torch.full_like(b1, 1 / float(torch.cat(singular).mean())), rtol=1e-6)


def test_njs_leaves_misclassified_images_out_of_b1() -> None:
    target, batch = setting()
    wrong = Batch(batch.images, (batch.labels + (torch.arange(12) < 6)) % 4, batch.ids)
    right_half = batch.select(slice(6, 12))
    for mixed, clean in [(wrong, right_half)]:
        first = fit_temperature(Beta(BetaRule.NJS), target, mixed)
        second = fit_temperature(Beta(BetaRule.NJS), target, clean)
        assert first == second


def test_njs_b2_steps_in_only_where_the_error_signal_is_at_most_rho() -> None:
    target, batch = setting(scale=3.0)
    temperature = fit_temperature(Beta(BetaRule.NJS), target, batch)
    logits = torch.tensor([[0.0, 0.1, 0.2, 0.3], [900.0, 0.0, -40.0, 3.0]], dtype=torch.float64)
    labels = torch.tensor([3, 0])
    b1, _ = temperature.at_start(target, batch.images[:2], logits, labels)
    betas = temperature.at_step(b1, logits, labels)
    assert betas[0] == b1[0]
    spread = float(b1[1]) * 940
    assert float(betas[1]) == pytest.approx(float(b1[1]) * -math.log(RHO / (3 * (1 - RHO))) / spread)
    # Proposition 1: no class further from the top than the whole spread, so at least rho of error signal is back.
    assert 1 - torch.softmax(betas[1] * logits[1], dim=0)[0] >= RHO


@pytest.mark.parametrize("rho", [1e-15, 1e-5, 0.01, 0.5])
def test_bound_is_proposition_1_on_every_image(rho: float) -> None:
    """The formula by hand, below and above b = 1; and what it is for: an error signal of at least rho is left."""
    target, batch = setting()
    logits = torch.tensor([[0.0, 0.1, 0.2, 0.3], [900.0, 0.0, -40.0, 3.0], [2.0, 2.0, 2.0, 2.0]], dtype=torch.float64)
    temperature = fit_temperature(Beta(BetaRule.BOUND, rho=rho), target, batch)
    betas, _ = temperature.at_start(target, batch.images[:3], logits, torch.tensor([3, 0, 0]))
    wanted = [-math.log(rho / (3 * (1 - rho))) / spread for spread in (0.3, 940.0)]
    assert betas.tolist() == pytest.approx([*wanted, 1.0])
    assert torch.equal(temperature.at_step(betas * 7, logits, torch.tensor([3, 0, 0])), betas)
    p = torch.softmax(betas[:2, None] * logits[:2], dim=1)
    others = p.sum(dim=1) - p.amax(dim=1)
    assert (others >= rho * (1 - 1e-9)).all() or rho < 1e-12  # what double precision still tells from 1


def test_tracked_is_hns_logit_at_the_point_it_is_asked_about() -> None:
    target, batch = setting()
    logits = target.logits(batch.images)
    tracked = fit_temperature(Beta(BetaRule.TRACKED), target, batch)
    static = fit_temperature(Beta(BetaRule.HNS_LOGIT), target, batch)
    start, cost = static.at_start(target, batch.images, logits, batch.labels)
    assert cost.backwards == 0
    assert torch.allclose(tracked.at_step(torch.ones(12), logits, batch.labels), start, rtol=0.03)
    assert not torch.allclose(tracked.at_step(start, logits * 2, batch.labels), start)


def test_hns_counts_its_backward_passes() -> None:
    target, batch = setting()
    temperature = fit_temperature(Beta(BetaRule.HNS), target, batch)
    _, cost = temperature.at_start(target, batch.images, target.logits(batch.images), batch.labels)
    assert (cost.forwards, cost.backwards) == (12, 36)


def test_njs_rho_is_the_error_signal_at_which_b2_steps_in() -> None:
    target, batch = setting()
    logits = torch.tensor([[3.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    betas, label = torch.ones(1, dtype=torch.float64), torch.tensor([0])
    error_signal = float(1 - torch.softmax(logits, dim=1)[0, 0])
    for rho, stepped_in in [(error_signal * 1.01, True), (error_signal * 0.99, False)]:
        temperature = fit_temperature(Beta(BetaRule.NJS, rho=rho), target, batch)
        at_step = temperature.at_step(betas, logits, label)
        assert (float(at_step) != 1) == stepped_in


def many_classes(count: int = 20) -> tuple[Target, Batch]:
    target = target_of(small_network(scale=1.0, features=30, classes=120), (30,), 120)
    images = torch.rand(count, 30, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    return target, batch_of(target, images)


def test_for_many_classes_hns_goes_by_the_sketch() -> None:
    target, batch = many_classes()
    logits = target.logits(batch.images)
    chosen, sketched = (
        fit_temperature(Beta(rule), target, batch).at_start(target, batch.images, logits, batch.labels)
        for rule in (BetaRule.HNS, BetaRule.HNS_SKETCH)
    )
    assert torch.equal(chosen[0], sketched[0])
    assert (chosen[1].forwards, chosen[1].backwards) == (8 * 20, 0)


def test_njs_of_many_classes_estimates_the_mean_singular_value() -> None:
    target, batch = many_classes(100)
    singular = [
        torch.linalg.svdvals(torch.autograd.functional.jacobian(target.network, image[None]).reshape(120, 30))
        for image in batch.images
    ]
    b1 = fit_temperature(Beta(BetaRule.NJS), target, batch).b1  # type: ignore[attr-defined]
    assert 1 / b1 == pytest.approx(float(torch.cat(singular).mean()), rel=0.1)


def test_full_curvature_is_the_default_on_a_piecewise_linear_network() -> None:
    target, batch = setting()
    logits = target.logits(batch.images)
    linear, full = (
        fit_temperature(Beta(BetaRule.HNS, curvature=curvature), target, batch).at_start(
            target, batch.images, logits, batch.labels
        )[0]
        for curvature in Curvature
    )
    assert torch.allclose(linear, full, rtol=1e-9)
