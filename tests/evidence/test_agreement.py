"""The checker repeats in numpy what the audit does in torch: the two must agree to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.attacks.geometry import as_stored, pixel_grid, project
from bnnaudit.auditing.replay_check import check_threat
from bnnaudit.core.facts import ChannelOrder, Layout
from bnnaudit.core.target import Preparation
from bnnaudit.core.threat import Box, InputGrid, Norm, Threat
from bnnaudit.data.image_digest import image_digests
from bnnaudit.evidence import sessions as alone
from bnnaudit.evidence.manifest import DTYPES, Input
from bnnaudit.evidence.report import image_digests as alone_digests
from bnnaudit.evidence.schema import evidence_schema
from bnnaudit.evidence.sessions import network_input
from bnnaudit.evidence.threat import Grid, nearest, outside
from bnnaudit.evidence.threat import Threat as Checked
from bnnaudit.models.onnx.replay import _TYPES
from bnnaudit.onnx_import import runtime

BYTES, UNIT, SIGNED = Box(0.0, 255.0), Box(), Box(-2.117904, 2.64)
UINT8 = InputGrid("uint8", (0.0,), (255.0,), (255,))
CHANNELS = InputGrid("int8", (-1.0, -2.0, -1.5), (1.0, 2.0, 1.5), (255, 255, 200))


def checked(threat: Threat) -> Checked:
    grid = threat.grid and Grid(threat.grid.first, threat.grid.last, threat.grid.steps)
    low, high = threat.box.low, threat.box.high
    return Checked(str(threat.norm), threat.eps, low, high, grid, threat.image_bits, threat.l2_per_channel)


THREATS = [
    Threat(Norm.LINF, 8 / 255, UNIT),
    Threat(Norm.LINF, 8 / 255, BYTES),
    Threat(Norm.LINF, 0.1, SIGNED),
    Threat(Norm.L2, 120 / 255, BYTES),
    Threat(Norm.L2, 0.7, SIGNED),
    Threat(Norm.L2, 0.5, UNIT, l2_per_channel=True),
    Threat(Norm.LINF, 8 / 255, UNIT, image_bits=8),
    Threat(Norm.LINF, 2.7 / 255, BYTES, grid=UINT8),
    Threat(Norm.LINF, 40 / 255, BYTES, image_bits=4, grid=UINT8),
    Threat(Norm.L2, 1.0, BYTES, grid=UINT8),
    Threat(Norm.LINF, 0.1, Box(-2.0, 2.0), grid=CHANNELS),
]


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: checked(threat).words)
def test_what_fills_the_threat_is_inside_and_a_little_more_is_not(threat: Threat) -> None:
    """Points far outside, projected as attacks do: every one of them lies on the very edge."""
    assert checked(threat).radius == pytest.approx(threat.radius, rel=1e-12)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(200, 3, 8, 8, generator=generator)
    originals = threat.box.low + threat.box.width * (0.3 + 0.4 * noise)
    grid = pixel_grid(threat)
    if grid is not None:
        originals = grid.nearest(originals)
    far = originals + threat.box.width * torch.randn(originals.shape, generator=generator)
    images = as_stored(project(far, originals, threat), originals, threat)
    check_threat(originals, images, threat)
    assert set(outside(checked(threat), originals.numpy(), images.numpy())) == {""}
    shorter = checked(replace(threat, eps=threat.eps * (1 - 1e-4)))
    if threat.grid is None and threat.image_bits is None:
        assert all(outside(shorter, originals.numpy(), images.numpy()))


@pytest.mark.parametrize(
    "threat", [threat for threat in THREATS if threat.discrete], ids=lambda one: checked(one).words
)
def test_the_values_of_a_grid_are_those_of_the_audit(threat: Threat) -> None:
    grid, own = pixel_grid(threat), checked(threat).pixel_grid
    assert grid is not None
    assert own is not None
    points = threat.box.low + threat.box.width * torch.rand(50, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    assert np.array_equal(nearest(own, points.numpy(), checked(threat)), grid.nearest(points).numpy())


@given(
    layout=st.sampled_from(list(Layout)),
    channels=st.sampled_from(list(ChannelOrder)),
    mean=st.sampled_from([(), (0.4914, 0.4822, 0.4465), (127.5,)]),
    std=st.sampled_from([(), (0.247, 0.2435, 0.2616), (58.395,)]),
    seed=st.integers(0, 1000),
)
def test_images_are_fed_to_the_network_as_in_the_audit(
    layout: Layout, channels: ChannelOrder, mean: tuple[float, ...], std: tuple[float, ...], seed: int
) -> None:
    shape = {Layout.NCHW: (3, 4, 5), Layout.NHWC: (4, 5, 3), Layout.FLAT: (60,)}[layout]
    images = 255 * torch.rand(2, 3, 4, 5, generator=torch.Generator().manual_seed(seed))
    wanted = Preparation(shape, layout, mean, std, channels)(images).numpy()
    facts = Input((3, 4, 5), shape, str(layout), str(channels), mean, std, "float32", None, 1, "", "", 1.0, 0.0)
    assert np.array_equal(network_input(images.numpy(), facts), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_of_input_is_known(dtype: str) -> None:
    facts = Input((1, 1, 4), (1, 1, 4), "nchw", "rgb", (), (), dtype, None, 1, "", "", 1.0, 0.0)
    made = network_input(np.array([[[[-3.5, 0.5, 1.5, 300.0]]]], np.float32), facts)
    assert made.dtype == np.dtype(dtype)
    if made.dtype.kind in "iu":
        limits = np.iinfo(made.dtype)
        assert made.ravel().tolist() == [max(-4, limits.min), 0, 2, min(300, limits.max)]


def test_types_and_options_are_those_of_the_runtime() -> None:
    assert set(DTYPES) == {np.dtype(kind).name for kind in _TYPES.values()}
    known = evidence_schema("bnnaudit-evidence/1")["properties"]["replay"]["properties"]["input"]["properties"]
    assert set(known["dtype"]["enum"]) == set(DTYPES)
    assert alone.EXACT_SUMS == runtime._EXACT_SUMS
    assert alone.UNFUSED == (runtime._INTEGER_KERNELS,)


@pytest.mark.parametrize("box", [BYTES, UNIT, SIGNED])
def test_an_image_has_the_digest_that_reports_give_it(box: Box) -> None:
    images = box.low + box.width * torch.rand(300, 3, 5, 4, generator=torch.Generator().manual_seed(2))
    threat = checked(Threat(Norm.LINF, 0.1, box))
    assert alone_digests(images.numpy(), threat) == image_digests(images, box)
