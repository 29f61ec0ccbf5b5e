"""The search among levels against brute force."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor, nn

from bnnaudit.attacks.auto.levels.input_levels import InputLevels, find_input_levels
from bnnaudit.attacks.auto.levels.reach import within_reach
from bnnaudit.attacks.auto.levels.search import search_levels
from bnnaudit.attacks.context import prepared
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.quantization.layers import BinaryLinear
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import batch_of, target_of

PIXELS = 14


def prototypes(pixels: int) -> Tensor:
    """The pattern of +1 and -1 that each of four classes stands for (4, pixels)."""
    return torch.randn(4, pixels, generator=torch.Generator().manual_seed(2)).sign()


def binary_network(pixels: int = PIXELS) -> Target:
    """One-bit pixels, 20 binary neurons that each know one class's pattern more or less, and their votes."""
    network = nn.Sequential(BinarySign(0.5), BinaryLinear(pixels, 20), BinarySign(), nn.Linear(20, 4))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        blurred = prototypes(pixels).repeat_interleave(5, dim=0)
        network[1].weight.copy_(blurred + 0.7 * torch.randn(blurred.shape, generator=generator))
        votes = torch.eye(4).repeat_interleave(5, dim=1)
        network[3].weight.copy_(votes + 0.1 * torch.randn(votes.shape, generator=generator))
        network[3].bias.zero_()
    return target_of(network, (pixels,), 4)


def images(count: int, pixels: int = PIXELS) -> Tensor:
    """Patterns of the classes, some pixels more distinct than others."""
    contrast = torch.rand(count, pixels, generator=torch.Generator().manual_seed(4))
    return 0.5 + 0.5 * contrast * prototypes(pixels)[torch.arange(count) % 4]


class Found(NamedTuple):
    """What a search gives."""

    outcome: Outcome
    exhausted: Tensor


def searched(
    target: Target, batch: Batch, threat: Threat, budget: int, batch_size: int = 256, starts: Tensor | None = None
) -> Found:
    levels = found(target, batch)
    context = prepared(Pgd(), target, threat, batch, 0, batch_size, lambda _: None)
    return Found(*search_levels(context, levels, batch, budget, starts=starts))


def found(target: Target, batch: Batch) -> InputLevels:
    levels = find_input_levels(target, batch.images, threat_of(0.1).box)
    assert levels is not None
    return levels


def threat_of(eps: float) -> Threat:
    return Threat(Norm.LINF, eps)


def brute_force(target: Target, batch: Batch, eps: float) -> Tensor:
    """Whether some corner of the ball fools the network (N,): a pixel crosses 0.5 if it can, or it does not."""
    fooled = []
    for image, label in zip(batch.images, batch.labels, strict=True):
        free = ((image - 0.5).abs() < eps).nonzero().squeeze(1)
        corners = image.repeat(2 ** len(free), 1)
        corners[:, free] = torch.tensor(list(product([0.4, 0.6], repeat=len(free))))
        with torch.no_grad():
            fooled.append(bool((target.logits(corners).argmax(dim=1) != label).any()))
    return torch.tensor(fooled)


def test_small_sets_are_settled_as_brute_force_settles_them() -> None:
    target = binary_network()
    batch = batch_of(target, images(40))
    truth = brute_force(target, batch, 0.12)
    result = searched(target, batch, threat_of(0.12), 20_000)
    assert 5 < truth.sum() < 35
    assert torch.equal(result.outcome.fooled, truth)
    assert torch.equal(result.exhausted | result.outcome.fooled, torch.ones(40, dtype=torch.bool))


def test_large_sets_are_searched_nearly_as_well_as_brute_force_would() -> None:
    target = binary_network(24)
    batch = batch_of(target, images(60, 24))
    truth = brute_force(target, batch, 0.15)
    result = searched(target, batch, threat_of(0.15), 60)
    choices = within_reach(found(target, batch), batch.images, threat_of(0.15)).combinations()
    assert (choices > 60).sum() > 20
    assert not (result.outcome.fooled & ~truth).any()
    assert result.outcome.fooled.sum() >= truth.sum() - 1


def test_contract() -> None:
    target = binary_network(40)
    batch = batch_of(target, images(24, 40))
    threat = threat_of(0.1)
    before = batch.images.clone()
    result = searched(target, batch, threat, 300)
    outcome = result.outcome
    assert torch.equal(batch.images, before)
    assert 0 < outcome.fooled.sum() < 24
    assert ((outcome.images - batch.images).abs() <= threat.radius + 1e-6).all()
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 1
    with torch.no_grad():
        logits = target.logits(outcome.images)
    assert torch.equal(logits.argmax(dim=1) != batch.labels, outcome.fooled)
    assert torch.equal(outcome.fooled_at >= 0, outcome.fooled)
    assert outcome.cost.forwards + outcome.cost.backwards <= 300 * 24
    assert not (result.exhausted & outcome.fooled).any()
    for alone in (3, 11):
        part = searched(target, batch.select(slice(alone, alone + 1)), threat, 300)
        assert torch.equal(part.outcome.images[0], outcome.images[alone])
        assert part.outcome.fooled_at[0] == outcome.fooled_at[alone]
        assert part.exhausted[0] == result.exhausted[alone]
    small = searched(target, batch, threat, 300, batch_size=5)
    assert torch.equal(small.outcome.images, outcome.images)
    still = searched(target, batch, threat_of(0.0), 300)
    assert torch.equal(still.outcome.images, batch.images)
    assert still.exhausted.all()


def test_it_goes_on_from_where_another_attack_left_off() -> None:
    target = binary_network()
    batch = batch_of(target, images(60))
    threat = threat_of(0.35)
    done = searched(target, batch, threat, 20_000).outcome
    again = searched(target, batch, threat, 2, starts=done.images)
    assert done.fooled.any()
    assert torch.equal(again.outcome.fooled, done.fooled)


def test_the_predicted_change_is_exact_where_the_network_is_linear_behind_the_quantizer() -> None:
    network = nn.Sequential(BinarySign(0.5), nn.Linear(6, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[3.0, -2.0, 1.0, 0.5, -4.0, 0.1], [0.0] * 6]))
        network[1].bias.copy_(torch.tensor([0.0, 0.0]))
    target = target_of(network, (6,), 2)
    # Margin 10.6 with the pixels as they are; the two largest weights that can cross are worth 8 and 6, the rest less.
    batch = batch_of(target, torch.tensor([[0.6, 0.4, 0.6, 0.6, 0.4, 0.6]]))
    result = searched(target, batch, threat_of(0.2), 11)
    assert result.outcome.fooled.all()
    assert (result.outcome.images != batch.images).sum() <= 3


def test_no_images_no_work() -> None:
    target = binary_network()
    batch = batch_of(target, images(3))
    levels = found(target, batch)
    empty = batch.select(slice(0, 0))
    context = prepared(Pgd(), target, threat_of(0.2), empty, 0, 256, lambda _: None)
    assert len(search_levels(context, levels, empty, 100)[0].fooled) == 0


def test_an_image_that_is_wrong_from_the_start_is_fooled_and_not_settled() -> None:
    target = binary_network()
    batch = batch_of(target, images(3))
    wrong = Batch(batch.images, (batch.labels + 1) % 4, batch.ids)
    result = searched(target, wrong, threat_of(0.0), 100)
    assert result.outcome.fooled.all()
    assert not result.exhausted.any()
    assert torch.equal(result.outcome.images, batch.images)
