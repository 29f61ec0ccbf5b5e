"""Search over first-layer signs against linear programs over every pattern, brute force, and what every attack promises."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from bnnaudit.attacks.auto.units.search import search_units
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.quantization.binary_network import BinaryNetwork, read_binary_network
from tests.toy import BYTES, batch_of, binary_network, images_of, two_pixel_target


def context_of(target: Target, threat: Threat, batch: Batch, batch_size: int = 64) -> Context:
    return prepared(Pgd(), target, threat, batch, 0, batch_size, lambda units: None)


def network_of(target: Target) -> BinaryNetwork:
    return read_binary_network(target, target.facts.input_shape, "test")


def searched(
    target: Target, batch: Batch, threat: Threat, starts: Tensor | None = None, rounds: int = 6, batch_size: int = 64
) -> Outcome:
    starts = batch.images if starts is None else starts
    return search_units(context_of(target, threat, batch, batch_size), network_of(target), batch, starts, rounds)


def breakable(network: BinaryNetwork, batch: Batch, threat: Threat, clearance: float) -> list[bool]:
    """Whether some point of ball and box shows a pattern of the first layer that fools the network, each sum so far from its
    threshold: a linear program for every pattern.
    """
    linprog = pytest.importorskip("scipy.optimize").linprog
    layer, found = network.layers[0], []
    patterns = np.array(list(itertools.product([-1.0, 1.0], repeat=len(layer.bias))))
    units = patterns
    for later in network.layers[1:]:
        units = later.units(units)
    classes = (units @ network.weights.T + network.bias).argmax(axis=1)
    for image, label in zip(batch.images.flatten(1).double().numpy(), batch.labels.tolist(), strict=True):
        low, high = (
            np.maximum(image - threat.radius, threat.box.low),
            np.minimum(image + threat.radius, threat.box.high),
        )
        middle, spread = layer.sums((low + high)[None] / 2)[0], np.abs(layer.weights) @ (high - low) / 2
        possible = (classes != label) & (patterns * middle + spread > 0).all(axis=1)
        programs = (
            linprog(np.zeros(len(low)), -layer.weights * signs[:, None], layer.bias * signs - clearance, bounds=bounds)
            for bounds in [np.stack([low, high], axis=1)]
            for signs in patterns[possible]
        )
        found.append(any(program.status == 0 for program in programs))
    return found


@pytest.mark.parametrize(
    ("sizes", "eps", "seed"),
    [([6, 8, 3], 0.06, 1), ([10, 9, 4], 0.05, 1), ([8, 7, 5, 3], 0.05, 3), ([12, 8, 6, 3], 0.04, 5)],
)
def test_it_fools_whatever_can_be_fooled(sizes: list[int], eps: float, seed: int) -> None:
    target, threat = binary_network(sizes, seed), Threat(Norm.LINF, eps, BYTES)
    batch = images_of(target, 24, seed)
    surely = breakable(network_of(target), batch, threat, 1e-3 * BYTES.width)
    perhaps = breakable(network_of(target), batch, threat, 0.0)
    fooled = searched(target, batch, threat).fooled.tolist()
    assert 4 <= sum(surely) <= 20
    assert sum(perhaps) - sum(surely) <= 1
    assert all(sure <= found <= may for sure, found, may in zip(surely, fooled, perhaps, strict=True))


def test_it_moves_the_pixel_that_hand_calculation_says() -> None:
    """The class changes once either pixel falls below 0.5; 0.6 and 0.65 are within 0.16 of it, 0.8 is not."""
    target = two_pixel_target(0.5)
    batch = batch_of(target, torch.tensor([[0.60, 0.90], [0.70, 0.65], [0.80, 0.80]]))
    outcome = searched(target, batch, Threat(Norm.LINF, 0.16))
    assert outcome.fooled.tolist() == [True, True, False]
    assert outcome.images[0, 0] < 0.5 - 5e-4
    assert outcome.images[1, 1] < 0.5 - 5e-4


@pytest.mark.parametrize("hidden", [[20], [20, 10], [16, 12, 8]])
def test_what_every_attack_promises(hidden: list[int]) -> None:
    target, threat = binary_network([27, *hidden, 3], seed=5), Threat(Norm.LINF, 0.03, BYTES)
    batch = images_of(target, 12, seed=5)
    before = batch.images.clone()
    outcome = searched(target, batch, threat)
    assert 0 < outcome.fooled.sum() < len(batch)
    assert ((outcome.images - batch.images).abs() <= threat.radius * (1 + 1e-6)).all()
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 255
    # What it claims is so.
    logits = target.logits(outcome.images)
    assert torch.equal(logits.argmax(1) != batch.labels, outcome.fooled)
    assert torch.equal(target.deployed(outcome.images).argmax(1) != batch.labels, outcome.fooled)
    assert torch.equal(outcome.fooled, outcome.fooled_at >= 0)
    others = logits.scatter(1, batch.labels[:, None], -torch.inf).amax(dim=1)
    own = logits.gather(1, batch.labels[:, None])[:, 0]
    torch.testing.assert_close(outcome.margins, own - others)
    assert torch.equal(batch.images, before)
    assert outcome.cost.backwards == 0
    # No image depends on the others, nor on how many the network is asked about at once.
    assert torch.equal(searched(target, batch, threat).images, outcome.images)
    part = searched(target, batch.select(slice(5, 9)), threat)
    assert torch.equal(part.images, outcome.images[5:9])
    assert torch.equal(searched(target, batch, threat, batch_size=3).images, outcome.images)


def test_a_radius_of_zero_leaves_the_image() -> None:
    target = binary_network([27, 12, 3], seed=5)
    batch = images_of(target, 4, seed=5)
    outcome = searched(target, batch, Threat(Norm.LINF, 0.0, BYTES))
    assert torch.equal(outcome.images, batch.images)
    assert not outcome.fooled.any()
    assert outcome.cost.forwards == len(batch)


def test_a_start_that_fools_is_kept() -> None:
    target = two_pixel_target(0.5)
    batch = batch_of(target, torch.tensor([[0.60, 0.90]]))
    start = torch.tensor([[0.45, 0.90]])
    outcome = searched(target, batch, Threat(Norm.LINF, 0.2), start)
    assert torch.equal(outcome.images, start)
    assert outcome.fooled_at.tolist() == [0]
    assert outcome.cost.forwards == 1


def test_pixels_at_the_ends_of_the_box_stay_in_it() -> None:
    """Either pixel must go below 0.1: one from 0.2 by a radius of 0.15 within the box, the other image cannot."""
    target = two_pixel_target(0.1)
    batch = batch_of(target, torch.tensor([[0.2, 1.0], [1.0, 0.9]]))
    outcome = searched(target, batch, Threat(Norm.LINF, 0.15))
    assert outcome.fooled.tolist() == [True, False]
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 1


def test_pixels_stay_on_the_grid_that_images_are_stored_on() -> None:
    target, threat = binary_network([27, 12, 3], seed=5, box=Box()), Threat(Norm.LINF, 0.1, image_bits=8)
    noise = images_of(target, 12, seed=5).images
    batch = batch_of(target, noise.mul(255).round().div(255))
    outcome = searched(target, batch, threat)
    assert outcome.fooled.sum() > 0
    levels = outcome.images * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-4, rtol=0)


def test_rounds_only_add() -> None:
    target, threat = binary_network([40, 24, 10, 4], seed=1), Threat(Norm.LINF, 0.03, BYTES)
    batch = images_of(target, 16, seed=2)
    one, many = searched(target, batch, threat, rounds=1), searched(target, batch, threat, rounds=4)
    assert (many.fooled | ~one.fooled).all()
    assert torch.equal(many.images[one.fooled], one.images[one.fooled])
    assert (many.margins <= one.margins).all()


def test_an_empty_batch_is_no_work() -> None:
    target = binary_network([4, 4, 3], seed=0)
    nobody = images_of(target, 2, 0).select(slice(0, 0))
    assert len(searched(target, nobody, Threat(Norm.LINF, 0.1, BYTES)).fooled) == 0
