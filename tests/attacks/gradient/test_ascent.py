"""The loop against closed forms: linear models, and a binary network flipped by hand."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bnnaudit.attacks import best_so_far
from bnnaudit.attacks.geometry import random_start
from bnnaudit.attacks.gradient import ascent
from bnnaudit.attacks.gradient.ascent import _Climb
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, ErrorSignal, Fgsm, LossKind, Pgd
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.numerics.losses import margin
from tests.attacks.contract import BYTES, contract_batch
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.networks.broken import Scale
from tests.toy import batch_of, linear_target, target_of, two_pixel_target


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("rule", [BetaRule.NONE, BetaRule.NJS, BetaRule.HNS, BetaRule.TRACKED])
@pytest.mark.parametrize("loss", list(LossKind))
def test_pgd_breaks_a_linear_model_exactly_within_its_distance(norm: Norm, rule: BetaRule, loss: LossKind) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    settings = Pgd(steps=40, step_size=threat.eps / 10, beta=Beta(rule), loss=loss)
    outcome = run_attack(settings, target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.97 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


def test_fgsm_is_one_step_of_the_whole_radius_from_the_random_start() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(8))
    threat, settings = Threat(Norm.LINF, 0.01), Fgsm()
    outcome = run_attack(settings, target, batch, threat, seed=0)
    start = random_start(batch, threat, 0, 0)
    uphill = (WEIGHTS[0] - WEIGHTS[1]).sign() * torch.where(batch.labels == 0, -1.0, 1.0)[:, None]
    expected = (start + 0.01 * uphill).clamp(batch.images - 0.01, batch.images + 0.01)
    stand = ~outcome.fooled
    assert stand.sum() > 2
    assert torch.allclose(outcome.images[stand], expected[stand], atol=1e-7)
    assert outcome.cost.backwards == int((outcome.fooled_at != 0).sum())


def test_a_binary_network_is_flipped_where_hand_calculation_says() -> None:
    """sign(x1 - 0.5) + sign(x2 - 0.5) against a fixed 0.5: the class changes once either pixel crosses 0.5."""
    target = two_pixel_target(0.5)
    images = torch.tensor([[0.60, 0.90], [0.70, 0.65], [0.80, 0.80]])
    batch = batch_of(target, images)
    assert batch.labels.tolist() == [0, 0, 0]
    outcome = run_attack(Pgd(steps=30, step_size=0.02), target, batch, Threat(Norm.LINF, 0.16), seed=0)
    # Distances to the nearest flip: 0.1, 0.15 and 0.3.
    assert outcome.fooled.tolist() == [True, True, False]


def test_a_temperature_revives_an_attack_that_the_saturated_softmax_starves() -> None:
    target = linear_target(WEIGHTS * 1e4, BIAS * 1e4)
    batch = batch_of(target, linear_images())
    threat = Threat(Norm.LINF, 0.2)
    clear = boundary_distance(batch.images, Norm.LINF) > 0.02
    plain = run_attack(Pgd(), target, batch, threat, seed=0)
    scaled = run_attack(Pgd(beta=Beta(BetaRule.HNS)), target, batch, threat, seed=0)
    assert plain.fooled[clear].float().mean() < 0.5
    assert scaled.fooled.all()
    exact = run_attack(Pgd(error_signal=ErrorSignal.EXACT), target, batch, threat, seed=0)
    assert exact.fooled.all()


def test_restarts_count_for_each_image() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, Box(0.0, 255.0))
    one = run_attack(Pgd(steps=3), target, batch, threat, seed=0)
    many = run_attack(Pgd(steps=3, restarts=5), target, batch, threat, seed=0)
    assert (many.fooled | ~one.fooled).all()
    assert torch.equal(many.images[one.fooled], one.images[one.fooled])


def test_more_steps_only_add_to_what_fewer_broke() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, Box(0.0, 255.0))
    short = run_attack(Pgd(steps=4), target, batch, threat, seed=0)
    long = run_attack(Pgd(steps=12), target, batch, threat, seed=0)
    assert torch.equal(short.fooled, (long.fooled_at >= 0) & (long.fooled_at <= 4))


def test_fooled_images_cost_nothing_more() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(32))
    outcome = run_attack(Pgd(steps=50), target, batch, Threat(Norm.LINF, 0.3), seed=0)
    assert outcome.fooled.all()
    assert outcome.cost.forwards == int((outcome.fooled_at + 1).sum())


def test_without_stopping_the_most_confident_iterate_is_kept() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(16))
    threat = Threat(Norm.LINF, 0.1)
    first = run_attack(Pgd(), target, batch, threat, seed=0)
    last = run_attack(Pgd(stop_at_success=False), target, batch, threat, seed=0)
    assert torch.equal(first.fooled, last.fooled)

    def margins(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return margin(target.logits(images), batch.labels)

    assert (margins(last.images) <= margins(first.images) + 1e-6).all()
    assert margins(last.images).mean() < margins(first.images).mean() - 0.01


def test_l2_per_channel_reaches_further_than_the_ball_and_is_not_the_default() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.L2, 0.3, Box(0.0, 255.0))
    settings = Pgd(steps=10, stop_at_success=False, loss=LossKind.MARGIN)
    whole = run_attack(settings, target, batch, threat, seed=0)
    channels = run_attack(settings, target, batch, replace(threat, l2_per_channel=True), seed=0)
    reach = (channels.images - batch.images).flatten(1).norm(dim=1)
    assert ((whole.images - batch.images).flatten(1).norm(dim=1) <= threat.radius * 1.00001).all()
    assert (reach <= threat.radius * 3**0.5 * 1.00001).all()
    assert reach.max() > threat.radius * 1.2


class WaitsForTheDevice(TorchDispatchMode):
    """Counts the operations that a device which runs ahead has to finish everything before."""

    def __init__(self) -> None:
        super().__init__()
        self.waits = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        by_mask = "index" in func.name() and any(
            isinstance(index, Tensor) and index.dtype is torch.bool for index in args[1] or ()
        )
        self.waits += by_mask or func.name() in ("aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select")
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("beta", [BetaRule.NONE, BetaRule.NJS, BetaRule.HNS_LOGIT, BetaRule.TRACKED])
@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("loss", [LossKind.CROSS_ENTROPY, LossKind.DLR, LossKind.MARGIN])
def test_the_loop_waits_for_the_device_only_where_it_counts(
    beta: BetaRule, norm: Norm, loss: LossKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two counts any number of steps adds no wait: as many in 40 steps as in 4."""
    pretend_to_run_ahead(monkeypatch, 1000)
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(12))
    waits = []
    for steps in (4, 40):
        settings = Pgd(steps=steps, beta=Beta(beta), loss=loss, momentum=0.5, error_signal=ErrorSignal.EXACT)
        with WaitsForTheDevice() as mode:
            run_attack(settings, target, batch, Threat(norm, 0.02), seed=0)
        waits.append(mode.waits)
    assert waits[0] == waits[1]


def pretend_to_run_ahead(monkeypatch: pytest.MonkeyPatch, between: int) -> None:
    for module in (ascent, best_so_far):
        monkeypatch.setattr(module, "runs_ahead", lambda device: True)
    monkeypatch.setattr(ascent, "STEPS_BETWEEN_COUNTS", between)


@pytest.mark.parametrize("between", [1, 5, 1000])
@pytest.mark.parametrize("worth", [1, 8, 10**9])
def test_when_images_leave_changes_nothing_but_the_cost(
    between: int, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    settings = Pgd(steps=20, step_size=0.004, restarts=2)
    expected = run_attack(settings, target, batch, Threat(Norm.LINF, 0.04), seed=0)
    pretend_to_run_ahead(monkeypatch, between)
    monkeypatch.setattr(ascent, "WORTH_LEAVING", worth)
    told: list[int] = []
    found = run_attack(settings, target, batch, Threat(Norm.LINF, 0.04), seed=0, on_progress=told.append)
    for name in ("images", "fooled", "fooled_at", "margins", "betas"):
        torch.testing.assert_close(getattr(found, name), getattr(expected, name), rtol=1e-5, atol=1e-6)
    assert sum(told) == 40 * len(batch)
    assert min(told) >= 0


def test_a_gradient_whose_pixels_share_memory_is_followed() -> None:
    """The sum over all pixels hands every pixel the same number: its gradient is one number, expanded."""

    class Sum(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            total = values.sum(dim=1)
            return torch.stack([total, 4 - total], dim=1)

    target = target_of(Sum(), (4,), 2)
    batch = batch_of(target, torch.tensor([[0.6, 0.6, 0.6, 0.6]]))
    for norm, eps in ((Norm.LINF, 0.11), (Norm.L2, 0.22)):
        outcome = run_attack(Pgd(steps=20), target, batch, Threat(norm, eps), seed=0)
        assert outcome.fooled.all()


@pytest.mark.parametrize("settings", [Pgd(restarts=3), Pgd(restarts=2, stop_at_success=False)])
@pytest.mark.parametrize("norm", list(Norm))
def test_images_without_an_error_signal_rest_and_nothing_else_changes(
    settings: AttackSettings, norm: Norm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logits times 500: on most images psi is exactly zero. The same images come out for less than half of the passes."""
    target, batch = contract_batch()
    steep = replace(target, network=nn.Sequential(target.network, Scale(500.0)))
    threat = Threat(norm, 0.03 if norm is Norm.LINF else 0.1, BYTES)
    told: list[int] = []
    rested = run_attack(settings, steep, batch, threat, seed=0, on_progress=told.append)
    assert sum(told) == len(batch) * settings.image_steps
    assert min(told) >= 0
    monkeypatch.setattr(_Climb, "_may_rest", False)
    whole = run_attack(settings, steep, batch, threat, seed=0)
    assert torch.equal(rested.images, whole.images)
    assert torch.equal(rested.fooled_at, whole.fooled_at)
    assert torch.equal(rested.margins, whole.margins)
    assert 2 * rested.cost.forwards < whole.cost.forwards
