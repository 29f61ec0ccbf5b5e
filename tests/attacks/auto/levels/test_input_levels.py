"""What is measured of input quantizers against thresholds that are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.attacks.auto.levels.input_levels import SCAN, InputLevels, find_input_levels
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box
from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.interception import InterceptedNetwork
from bnnaudit.quantization.quantizers import BinarySign, TernarySign
from bnnaudit.quantization.surrogates import binary_sign
from bnnaudit.quantization.uniform import UniformQuantizer
from tests.toy import target_of

FLOAT_ABOVE = torch.tensor(torch.inf)


class Scaled(nn.Module):
    """Each pixel by a scale and a shift of its own."""

    def __init__(self, scale: Tensor, shift: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", scale)
        self.register_buffer("shift", shift)

    def forward(self, values: Tensor) -> Tensor:
        """(N, P) -> (N, P)."""
        result: Tensor = values * self.scale - self.shift
        return result


class Uniform(nn.Module):
    """A uniform quantizer of so many bits with the step `scale`."""

    def __init__(self, bits: int, scale: float) -> None:
        super().__init__()
        self.quantizer = UniformQuantizer(Grid.whole(bits, signed=False))
        self.scale = torch.tensor(scale)

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        return self.quantizer.quantize(values, self.scale)


class Turned(nn.Module):
    """Axes exchanged, as exported networks do."""

    def forward(self, values: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, W, H, C)."""
        return values.permute(0, 3, 2, 1)


class Bypassed(nn.Module):
    """A network that also sees a little of the image itself."""

    def __init__(self, network: nn.Module, share: float) -> None:
        super().__init__()
        self.network, self.share = network, share

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, d)."""
        logits: Tensor = self.network(values)
        return logits + self.share * values.flatten(1)[:, : logits.shape[1]]


class Foreign(nn.Module):
    """Code that calls torch.sign itself."""

    def __init__(self, rest: nn.Module) -> None:
        super().__init__()
        self.rest = rest

    def forward(self, values: Tensor) -> Tensor:
        """(N, P) -> (N, d)."""
        logits: Tensor = self.rest(torch.sign(values - 0.3))
        return logits


def seeded(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return network


def images(*shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(1))


def found(target: Target, data: Tensor, box: Box = Box()) -> InputLevels:  # noqa: B008 - frozen
    levels = find_input_levels(target, data, box)
    assert levels is not None
    return levels


def test_thresholds_are_found_to_the_float_with_each_pixel_its_own() -> None:
    scale = torch.tensor([2.0, -1.0, 0.5, 4.0, 1.0])
    shift = torch.tensor([1.0, -0.25, 0.15, 1.0, 7.0])
    network = nn.Sequential(Scaled(scale, shift), BinarySign(), nn.Linear(5, 3))
    levels = found(target_of(seeded(network), (5,), 3), images(6, 5))
    assert levels.starts.shape[1] == 2
    assert levels.starts[:4, 1].tolist() == pytest.approx([0.5, 0.25, 0.3, 0.25], abs=1e-6)
    # The last pixel never reaches its threshold.
    assert levels.starts[4].tolist() == [0.0, torch.inf]
    assert levels.ends[4].tolist() == [1.0, -torch.inf]
    assert levels.codes[:4, :, 0].tolist() == [[-1, 1], [1, -1], [-1, 1], [-1, 1]]
    for pixel in range(4):
        below, above = levels.ends[pixel, 0], levels.starts[pixel, 1]
        assert torch.nextafter(below, FLOAT_ABOVE) == above
        sides = binary_sign(torch.stack([below, above]) * scale[pixel] - shift[pixel]).tolist()
        assert sides == levels.codes[pixel, :, 0].tolist()


def test_levels_of_a_grid_and_a_box_of_another_range() -> None:
    network = nn.Sequential(nn.Flatten(), Uniform(2, 85.0), nn.Linear(12, 3))
    box = Box(0.0, 255.0)
    levels = found(target_of(seeded(network), (3, 2, 2), 3, box), images(4, 3, 2, 2) * 255, box)
    assert levels.starts[0].tolist() == pytest.approx([0.0, 42.5, 127.5, 212.5], abs=1e-4)
    assert levels.levels_of(torch.full((1, 12), 100.0)).tolist() == [[1] * 12]


def test_a_level_of_a_single_number_is_a_level() -> None:
    network = nn.Sequential(Scaled(torch.ones(4), torch.full((4,), 0.3)), TernarySign(), nn.Linear(4, 2))
    levels = found(target_of(seeded(network), (4,), 2), images(4, 4))
    point = torch.tensor(0.3)
    assert levels.starts.shape[1] == 3
    assert levels.starts[0, 1] == levels.ends[0, 1] == point
    assert levels.codes[0, :, 0].tolist() == [-1.0, 0.0, 1.0]


def test_transposed_pixels_keep_their_owner() -> None:
    network = nn.Sequential(Turned(), BinarySign(0.5), nn.Flatten(), nn.Linear(24, 3))
    data = images(5, 2, 3, 4)
    levels = found(target_of(seeded(network), (2, 3, 4), 3), data)
    expected = torch.arange(24).view(4, 3, 2).permute(2, 1, 0).flatten()
    assert levels.owned[:, 0].tolist() == expected.tolist()


def test_foreign_code_is_seen_through_its_interception() -> None:
    from bnnaudit.core.surrogate import Surrogate

    network = InterceptedNetwork(Foreign(seeded(nn.Linear(6, 3))), Surrogate())
    assert found(target_of(network, (6,), 3), images(4, 6)).starts.shape[1] == 3


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(nn.Sequential(nn.Linear(6, 8), BinarySign(), nn.Linear(8, 3)), id="mixes pixels first"),
        pytest.param(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)), id="no quantizer"),
        pytest.param(nn.Sequential(Uniform(8, 1 / 255), nn.Linear(6, 3)), id="8 bits"),
        pytest.param(Bypassed(nn.Sequential(BinarySign(0.5), nn.Linear(6, 3)), 0.01), id="bypassed"),
    ],
)
def test_other_networks_have_none(network: nn.Module) -> None:
    assert find_input_levels(target_of(seeded(network), (6,), 3), images(5, 6), Box()) is None


def test_no_images_no_levels() -> None:
    target = target_of(seeded(nn.Sequential(BinarySign(0.5), nn.Linear(6, 3))), (6,), 3)
    assert find_input_levels(target, images(0, 6), Box()) is None


@pytest.mark.parametrize(("bits", "fine"), [(3, False), (4, False), (5, True), (8, True)])
def test_a_fine_quantizer_is_given_up_after_a_few_images(bits: int, fine: bool) -> None:
    """16 levels are measured, 32 are not: no more images than tell them apart go through the network."""
    quantizer = Uniform(bits, 1 / (2**bits - 1))
    target = target_of(seeded(nn.Sequential(quantizer, nn.Linear(6, 3))), (6,), 3)
    seen: list[int] = []
    quantizer.register_forward_pre_hook(lambda module, given: seen.append(len(given[0])))
    levels = find_input_levels(target, images(5, 6), Box())
    assert (levels is None) is fine
    assert (sum(seen) < SCAN) is fine
