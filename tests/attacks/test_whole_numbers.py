"""Attacks on an input of whole numbers: what they return can be given to the network, and is found where it must be."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.attacks.geometry import as_seen, as_stored, random_start
from bnnaudit.attacks.table import METHODS, run_attack
from bnnaudit.core.attack import AttackSettings, LossKind, Method, Pgd, settings_of
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, InputGrid, Norm, Threat
from bnnaudit.quantization.integer_input import IntegerInput
from tests.attacks.contract import (
    BYTES,
    contract_batch,
    contract_settings,
    is_truthful,
    leaves_no_trace,
    repeats,
)
from tests.toy import batch_of, linear_target

UINT8 = InputGrid("uint8", (0.0,), (255.0,), (255,))
INT8 = InputGrid("int8", (-128.0,), (127.0,), (255,))
SIGNED = Box(-128.0, 127.0)
RADII = {Norm.LINF: (0.6 / 255, 1 / 255, 2.7 / 255, 0.1), Norm.L2: (0.9 / 255, 2.5 / 255, 0.4)}
FIRST_OF_EACH = list({settings.method: settings for settings in reversed(contract_settings())}.values())
CASES = [
    pytest.param(settings, Threat(norm, eps, BYTES, grid=UINT8), id=f"{settings.method}-{norm}-{eps * 255:.3g}")
    for settings in FIRST_OF_EACH
    for norm in Norm
    if norm in METHODS[settings.method].norms
    for eps in RADII[norm]
]


def whole_batch() -> tuple[Target, Batch]:
    """The contract's network behind the rounding of a uint8 input, and 20 pictures that it gets right."""
    target, batch = contract_batch()
    target = replace(
        target,
        network=nn.Sequential(IntegerInput(0.0, 255.0), target.network),
        facts=replace(target.facts, grid=UINT8),
    )
    return target, batch_of(target, batch.images.round())


@pytest.mark.parametrize(("settings", "threat"), CASES)
def test_every_attack_keeps_the_contract_on_whole_numbers(settings: AttackSettings, threat: Threat) -> None:
    target, batch = whole_batch()
    outcome = leaves_no_trace(settings, target, batch, threat)
    is_truthful(outcome, target, batch)
    repeats(settings, target, batch, threat, outcome)
    shift = (outcome.images - batch.images).double().flatten(1)
    assert torch.equal(outcome.images, outcome.images.round())
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 255
    most = 255 * threat.eps
    if threat.norm is Norm.LINF:
        assert shift.abs().max() <= int(most + 1e-6)
    else:
        assert shift.square().sum(dim=1).max() <= most**2 * (1 + 1e-9)
    if most < 1:
        assert not outcome.fooled.any(), "no other image lies in the ball"
        assert torch.equal(outcome.images, batch.images)


def threshold(weights: Tensor, margin: float) -> tuple[Target, Batch]:
    """Two classes apart by weights @ (x - 100) = -margin, and the picture of 100s, which is of class 0."""
    both = torch.stack([torch.zeros_like(weights), weights])
    target = linear_target(both, torch.tensor([0.0, -100 * float(weights.sum()) - margin]), BYTES)
    target = replace(target, network=nn.Sequential(IntegerInput(0.0, 255.0), target.network))
    return target, batch_of(target, torch.full((1, len(weights)), 100.0))


SURE = [method for method in Method if method not in (Method.FGSM, Method.BRENDEL_BETHGE, Method.IPROP)]
"""Those that find what is to be found: one step from a random start need not end in a corner, and two need an extra."""


@pytest.mark.parametrize("method", SURE)
@pytest.mark.parametrize(("eps", "falls"), [(0.6, False), (1.0, True), (1.9, True)])
def test_one_step_a_pixel_is_found_where_it_is_needed_and_there_is_room(
    method: Method, eps: float, falls: bool
) -> None:
    """A margin of 2.5 falls to one step in each of three pixels of weight 1, and to nothing less."""
    target, batch = threshold(torch.tensor([1.0, -1.0, 1.0]), 2.5)
    settings = settings_of(method, queries=300, loss=LossKind.MARGIN if method.climbs else LossKind.CROSS_ENTROPY)
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, eps / 255, BYTES, grid=UINT8), seed=0)
    assert bool(outcome.fooled[0]) == falls
    if falls:
        assert outcome.images.tolist() == [[101.0, 99.0, 101.0]]


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("radius", [0.0, 0.4, 1.0, 1.5, 2.3, 4.0])
def test_rounding_finds_images_of_the_ball_that_enumeration_knows(norm: Norm, radius: float) -> None:
    """In L-inf the nearest one of all, in L2 one of the ball that is no further off than half a step a pixel in room."""
    threat = Threat(norm, radius / 255, BYTES, grid=UINT8)
    origins = torch.tensor([[3.0, 128.0, 255.0]]).expand(200, -1)
    draws = torch.rand(200, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    if norm is Norm.L2:
        draws = draws / draws.norm(dim=1, keepdim=True).clamp_min(1)
    points = (origins + draws * radius).clamp(0, 255)
    found = as_stored(points, origins, threat)
    reach = range(-5, 6)
    every = origins[0] + torch.tensor(list(product(reach, reach, reach)), dtype=torch.float32)
    shift = every - origins[0]
    length = shift.abs().amax(dim=1) if norm is Norm.LINF else shift.norm(dim=1)
    ball = every[(length <= radius + 1e-6) & (every >= 0).all(dim=1) & (every <= 255).all(dim=1)]
    distances = torch.cdist(points, ball, compute_mode="donot_use_mm_for_euclid_dist")
    ours = (found - points).norm(dim=1)
    assert all((ball == image).all(dim=1).any() for image in found)
    if norm is Norm.LINF:
        torch.testing.assert_close(ours, distances.min(dim=1).values)
    else:
        assert ours.mean() <= distances.min(dim=1).values.mean() + 0.1


def test_what_lies_outside_the_ball_is_only_rounded() -> None:
    threat = Threat(Norm.LINF, 2 / 255, BYTES, grid=UINT8)
    origins = torch.full((2, 2), 100.0)
    points = torch.tensor([[101.6, 99.0], [110.4, 100.0]])
    assert as_seen(points, origins, threat).tolist() == [[102.0, 99.0], [110.0, 100.0]]
    assert as_stored(points, origins, threat).tolist() == [[102.0, 99.0], [102.0, 100.0]]


def test_the_radius_is_of_whole_steps_in_the_largest_change_alone() -> None:
    assert [Threat(Norm.LINF, eps / 255, SIGNED, grid=INT8).radius for eps in (0.6, 1.0, 7.9, 8.0)] == [0, 1, 7, 8]
    assert [Threat(Norm.LINF, eps / 255, SIGNED, grid=INT8).whole_steps for eps in (0.6, 1.0, 7.9)] == [0, 1, 7]
    assert Threat(Norm.L2, 0.6 / 255, SIGNED, grid=INT8).radius == pytest.approx(0.6)
    assert (
        Threat(Norm.LINF, 8 / 255, Box(0.0, 65535.0), grid=InputGrid("uint16", (0.0,), (65535.0,), (65535,))).radius
        == 2056
    )


def test_channels_of_their_own_steps() -> None:
    """Steps of 1 and of 4: a radius of 3 holds three of the one and none of the other."""
    grid = InputGrid("uint8", (0.0, 0.0), (100.0, 100.0), (100, 25))
    threat = Threat(Norm.LINF, 3 / 100, Box(0.0, 100.0), grid=grid)
    assert threat.whole_steps is None
    origins = torch.full((1, 2, 1, 1), 40.0)
    moved = as_stored(torch.full((1, 2, 1, 1), 42.9), origins, threat)
    assert moved.flatten().tolist() == [43.0, 40.0]


@pytest.mark.parametrize("bits", [8, 4])
def test_with_image_bits_the_coarser_grid_counts(bits: int) -> None:
    target, batch = whole_batch()
    batch = batch_of(target, (batch.images / 17).round() * 17)
    threat = Threat(Norm.LINF, 0.15, BYTES, image_bits=bits, grid=UINT8)
    start = random_start(batch, threat, 0, 0)
    outcome = run_attack(Pgd(steps=8), target, batch, threat, seed=0)
    unit = 255 / (2**bits - 1)
    for images in (start, outcome.images):
        assert torch.equal(images, (images / unit).round() * unit)
    assert (outcome.images != batch.images).any()
