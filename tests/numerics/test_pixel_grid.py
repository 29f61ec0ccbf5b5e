import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bnnaudit.core.threat import Box
from bnnaudit.data.fitting import to_box
from bnnaudit.numerics.pixel_grid import PixelGrid

LEVELS = torch.arange(256)


def test_bytes_are_whole_numbers_and_unit_pixels_those_of_a_png_loader() -> None:
    assert torch.equal(PixelGrid.of_bits(0.0, 255.0, 8).values(LEVELS), LEVELS.float())
    loaded = LEVELS.numpy().astype(np.float32) / np.float32(255)
    assert torch.equal(PixelGrid.of_bits(0.0, 1.0, 8).values(LEVELS), torch.from_numpy(loaded))
    deep = np.arange(65536)
    loaded = deep.astype(np.float32) / np.float32(65535)
    assert torch.equal(PixelGrid.of_bits(0.0, 1.0, 16).values(torch.from_numpy(deep)), torch.from_numpy(loaded))


@pytest.mark.parametrize("box", [Box(), Box(0.0, 255.0), Box(-1.0, 1.0), Box(-128.0, 127.0), Box(0.1, 0.7)])
def test_pictures_that_are_read_lie_on_the_grid_to_the_bit(box: Box) -> None:
    read = to_box(LEVELS.numpy().astype(np.uint8)[None], Box(0.0, 255.0), box)[0]
    grid = PixelGrid.of_bits(box.low, box.high, 8)
    assert torch.equal(grid.values(LEVELS), read)
    assert grid.holds(read).all()
    assert torch.equal(grid.levels(read), LEVELS)
    assert not grid.holds(read[:-1] + 0.01 * grid.unit).any()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 10), st.sampled_from([(0.0, 1.0), (0.0, 255.0), (-1.0, 1.0)]), st.booleans()
)
@example(316, 8, (0.0, 1.0), False)
def test_rounding_towards_the_original_is_what_enumeration_finds(
    seed: int, bits: int, box: tuple[float, float], stored: bool
) -> None:
    grid = PixelGrid.of_bits(*box, bits)
    draws = torch.rand(2, 1, 40, generator=torch.Generator().manual_seed(seed))
    values = draws * (box[1] - box[0]) + box[0]
    # Within float32's slack of a grid value the rule is another test's; those values go half a unit off, into the box.
    inwards = torch.where(values < (box[0] + box[1]) / 2, 0.5, -0.5) * grid.unit
    points, origins = torch.where(grid.holds(values), values + inwards, values)
    if stored:
        origins = grid.nearest(origins)
    rounded = grid.towards(points, origins)
    every = grid.values(torch.arange(grid.steps[0] + 1)).tolist()
    for point, origin, found in zip(points[0].tolist(), origins[0].tolist(), rounded[0].tolist(), strict=True):
        low, high = sorted((point, origin))
        between = [value for value in every if low <= value <= high]
        assert found == min(between, key=lambda value: abs(value - point), default=origin)


def test_a_point_that_rounding_alone_keeps_short_of_a_grid_value_reaches_it() -> None:
    grid = PixelGrid.of_bits(0.0, 1.0, 8)
    values = grid.values(torch.arange(1, grid.steps[0]))
    for end in (0.0, 1.0):
        home = torch.full_like(values, end)
        assert torch.equal(grid.towards(torch.nextafter(values, home), home), values)


@pytest.mark.parametrize("bits", [1, 4, 8, 12])
@pytest.mark.parametrize("high", [1.0, 255.0])
def test_a_whole_number_of_units_is_reached_whatever_float32_makes_of_it(bits: int, high: float) -> None:
    grid = PixelGrid.of_bits(0.0, high, bits)
    levels = torch.arange(grid.steps[0] + 1)
    origins = grid.values(levels)
    for units in (1, 3, 8):
        up = grid.towards((origins + units * grid.unit).clamp(0, high), origins)
        down = grid.towards((origins - units * grid.unit).clamp(0, high), origins)
        assert torch.equal(up, grid.values((levels + units).clamp(max=grid.steps[0])))
        assert torch.equal(down, grid.values((levels - units).clamp(min=0)))


def test_a_pixel_that_does_not_move_keeps_its_bits_even_off_the_grid() -> None:
    grid = PixelGrid.of_bits(0.0, 1.0, 8)
    origins = torch.tensor([[0.1234, 0.5, 1 / 3 + 1e-8]])
    assert torch.equal(grid.towards(origins, origins), origins)
    nearly = origins + torch.tensor([[0.1, -0.1, 0.1]]) * grid.unit
    assert torch.equal(grid.towards(nearly, origins), origins)
