"""The loop against closed forms: linear models, and a binary network flipped by hand."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from bnnaudit.attacks import run_attack
from bnnaudit.attacks.ascent import random_start
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, ErrorSignal, LossKind, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.numerics.losses import margin
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import batch_of, linear_target, target_of, two_pixel_target

WEIGHTS = torch.tensor([[1.0, -2.0, 0.5, 0.0], [-1.0, 1.0, 0.0, 0.25]])
BIAS = torch.tensor([0.3, 0.0])


def linear_images(count: int = 64) -> torch.Tensor:
    return 0.35 + 0.3 * torch.rand(count, 4, generator=torch.Generator().manual_seed(0))


def boundary_distance(images: torch.Tensor, norm: Norm) -> torch.Tensor:
    """The distance of each image to the boundary of the two-class linear model: |margin| over the dual norm."""
    difference = WEIGHTS[0] - WEIGHTS[1]
    dual = difference.abs().sum() if norm is Norm.LINF else difference.norm()
    return (images @ difference + BIAS[0] - BIAS[1]).abs() / dual


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("rule", [BetaRule.NONE, BetaRule.NJS, BetaRule.HNS, BetaRule.TRACKED])
@pytest.mark.parametrize("loss", list(LossKind))
def test_pgd_breaks_a_linear_model_exactly_within_its_distance(norm: Norm, rule: BetaRule, loss: LossKind) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    settings = AttackSettings(steps=40, step_size=threat.eps / 10, beta=Beta(rule), loss=loss)
    outcome = run_attack(settings, target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.97 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


def test_fgsm_is_one_step_of_the_whole_radius_from_the_random_start() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(8))
    threat, settings = Threat(Norm.LINF, 0.01), AttackSettings(method=Method.FGSM, steps=99)
    outcome = run_attack(settings, target, batch, threat, seed=0)
    start = random_start(batch, threat, settings, 0, 0)
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
    outcome = run_attack(AttackSettings(steps=30, step_size=0.02), target, batch, Threat(Norm.LINF, 0.16), seed=0)
    # Distances to the nearest flip: 0.1, 0.15 and 0.3.
    assert outcome.fooled.tolist() == [True, True, False]


def test_a_temperature_revives_an_attack_that_the_saturated_softmax_starves() -> None:
    target = linear_target(WEIGHTS * 1e4, BIAS * 1e4)
    batch = batch_of(target, linear_images())
    threat = Threat(Norm.LINF, 0.2)
    clear = boundary_distance(batch.images, Norm.LINF) > 0.02
    plain = run_attack(AttackSettings(), target, batch, threat, seed=0)
    scaled = run_attack(AttackSettings(beta=Beta(BetaRule.HNS)), target, batch, threat, seed=0)
    assert plain.fooled[clear].float().mean() < 0.5
    assert scaled.fooled.all()
    exact = run_attack(AttackSettings(error_signal=ErrorSignal.EXACT), target, batch, threat, seed=0)
    assert exact.fooled.all()


def contract_batch() -> tuple[object, Batch]:
    generator = torch.Generator().manual_seed(5)
    network = nn.Sequential(nn.Flatten(), nn.Linear(27, 12), BinarySign(), nn.Linear(12, 3))
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    target = target_of(network, (3, 3, 3), 3, Box(0.0, 255.0))
    return target, batch_of(target, torch.rand(20, 3, 3, 3, generator=generator) * 255)


CONTRACTS = [
    AttackSettings(
        method=method, steps=6, restarts=2, beta=Beta(rule, 0.05), loss=loss, surrogate=Surrogate.parse("adaptive")
    )
    for method, rule, loss in [
        (Method.FGSM, BetaRule.NONE, LossKind.CROSS_ENTROPY),
        (Method.PGD, BetaRule.NONE, LossKind.CROSS_ENTROPY),
        (Method.PGD, BetaRule.FIXED, LossKind.CROSS_ENTROPY),
        (Method.PGD, BetaRule.NJS, LossKind.CROSS_ENTROPY),
        (Method.PGD, BetaRule.HNS, LossKind.CROSS_ENTROPY),
        (Method.PGD, BetaRule.TRACKED, LossKind.CROSS_ENTROPY),
        (Method.PGD, BetaRule.NONE, LossKind.DLR),
        (Method.PGD, BetaRule.NONE, LossKind.MARGIN),
    ]
]


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("settings", CONTRACTS, ids=lambda s: f"{s.name}-{s.beta}-{s.loss}")
def test_contract(settings: AttackSettings, norm: Norm) -> None:
    target, batch = contract_batch()
    threat = Threat(norm, 0.1 if norm is Norm.LINF else 0.4, Box(0.0, 255.0))
    before = batch.images.clone()
    weights = [parameter.clone() for parameter in target.network.parameters()]
    outcome = run_attack(settings, target, batch, threat, seed=1)
    # In ball and box.
    shift = outcome.images - batch.images
    length = shift.flatten(1).abs().amax(1) if norm is Norm.LINF else shift.flatten(1).norm(dim=1)
    assert (length <= threat.radius * (1 + 1e-5)).all()
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 255
    # What it claims is so.
    with torch.no_grad():
        wrong = target.logits(outcome.images).argmax(1) != batch.labels
    assert torch.equal(wrong, outcome.fooled)
    assert torch.equal(outcome.fooled, outcome.fooled_at >= 0)
    # Target and batch untouched.
    assert torch.equal(batch.images, before)
    assert all(torch.equal(a, b) for a, b in zip(weights, target.network.parameters(), strict=True))
    assert all(parameter.grad is None for parameter in target.network.parameters())
    # Repeats under its seed, and does not depend on the batch size.
    again = run_attack(settings, target, batch, threat, seed=1)
    assert torch.equal(again.images, outcome.images)
    parts = run_attack(settings, target, batch, threat, seed=1, batch_size=7)
    assert torch.equal(parts.fooled, outcome.fooled)
    assert torch.equal(parts.fooled_at, outcome.fooled_at)
    assert torch.allclose(parts.images, outcome.images, atol=1e-3)
    # A radius of zero changes nothing.
    still = run_attack(settings, target, batch, Threat(norm, 0.0, Box(0.0, 255.0)), seed=1)
    assert torch.equal(still.images, batch.images)
    assert not still.fooled.any()


def test_restarts_count_for_each_image() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, Box(0.0, 255.0))
    one = run_attack(AttackSettings(steps=3), target, batch, threat, seed=0)
    many = run_attack(AttackSettings(steps=3, restarts=5), target, batch, threat, seed=0)
    assert (many.fooled | ~one.fooled).all()
    assert torch.equal(many.images[one.fooled], one.images[one.fooled])


def test_more_steps_only_add_to_what_fewer_broke() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.LINF, 0.05, Box(0.0, 255.0))
    short = run_attack(AttackSettings(steps=4), target, batch, threat, seed=0)
    long = run_attack(AttackSettings(steps=12), target, batch, threat, seed=0)
    assert torch.equal(short.fooled, (long.fooled_at >= 0) & (long.fooled_at <= 4))


def test_fooled_images_cost_nothing_more() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(32))
    outcome = run_attack(AttackSettings(steps=50), target, batch, Threat(Norm.LINF, 0.3), seed=0)
    assert outcome.fooled.all()
    assert outcome.cost.forwards == int((outcome.fooled_at + 1).sum())


def test_without_stopping_the_most_confident_iterate_is_kept() -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(16))
    threat = Threat(Norm.LINF, 0.1)
    first = run_attack(AttackSettings(), target, batch, threat, seed=0)
    last = run_attack(AttackSettings(stop_at_success=False), target, batch, threat, seed=0)
    assert torch.equal(first.fooled, last.fooled)

    def margins(images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return margin(target.logits(images), batch.labels)

    assert (margins(last.images) <= margins(first.images) + 1e-6).all()
    assert margins(last.images).mean() < margins(first.images).mean() - 0.01


def test_l2_per_channel_reaches_further_than_the_ball_and_is_not_the_default() -> None:
    target, batch = contract_batch()
    threat = Threat(Norm.L2, 0.3, Box(0.0, 255.0))
    settings = AttackSettings(steps=10, stop_at_success=False, loss=LossKind.MARGIN)
    whole = run_attack(settings, target, batch, threat, seed=0)
    channels = run_attack(replace(settings, l2_per_channel=True), target, batch, threat, seed=0)
    reach = (channels.images - batch.images).flatten(1).norm(dim=1)
    assert ((whole.images - batch.images).flatten(1).norm(dim=1) <= threat.radius * 1.00001).all()
    assert (reach <= threat.radius * 3**0.5 * 1.00001).all()
    assert reach.max() > threat.radius * 1.2


def test_an_empty_batch_is_no_work() -> None:
    target, batch = contract_batch()
    outcome = run_attack(AttackSettings(), target, batch.select(slice(0, 0)), Threat(Norm.LINF, 0.1), seed=0)
    assert len(outcome.fooled) == 0
    assert outcome.cost.forwards == 0
