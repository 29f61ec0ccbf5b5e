import numpy as np
import pytest
import torch
from torch import Tensor

from bnnaudit.zoo.train.images import Images, as_inputs, augmented


def numbered(count: int, height: int, width: int, channels: int) -> Tensor:
    """No two pixels of an image are alike, and none is black."""
    pixels = torch.arange(1, height * width * channels + 1).reshape(1, height, width, channels)
    return pixels.expand(count, -1, -1, -1).to(torch.uint8)


def by_hand(image: Tensor, down: int, right: int, mirrored: bool) -> Tensor:
    """The image (H, W, C) whose pixel at (y, x) is that at (y + down, x + right), mirrored first or not."""
    height, width, _ = image.shape
    moved = torch.zeros_like(image)
    for y in range(height):
        for x in range(width):
            above, left = y + down, (width - 1 - x if mirrored else x) + right
            if 0 <= above < height and 0 <= left < width:
                moved[y, x] = image[above, left]
    return moved


@pytest.mark.parametrize(("shift", "flip"), [(1, False), (0, True), (2, True)])
def test_every_image_is_a_shift_or_a_mirror_image_and_all_occur(shift: int, flip: bool) -> None:
    images = numbered(600, 4, 5, 3)
    made = augmented(images, shift, flip, torch.Generator().manual_seed(0))
    moves = range(-shift, shift + 1)
    wanted = {
        by_hand(images[0], down, right, mirrored).numpy().tobytes()
        for down in moves
        for right in moves
        for mirrored in ([False, True] if flip else [False])
    }
    assert len(wanted) == len(moves) ** 2 * (1 + flip)
    assert {image.numpy().tobytes() for image in made} == wanted


def test_no_augmentation_leaves_the_images() -> None:
    images = numbered(3, 4, 4, 1)
    assert augmented(images, 0, False, torch.Generator()) is images


def test_bytes_become_inputs_as_an_audit_has_them() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 3), dtype=np.uint8)
    inputs = as_inputs(torch.from_numpy(pixels))
    assert torch.equal(inputs, torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    assert inputs.is_contiguous()


def test_numbers_are_inputs_already() -> None:
    values = torch.rand(2, 4, 3, 1)
    assert torch.equal(as_inputs(values), values.permute(0, 3, 1, 2))
    assert as_inputs(values).stride() == (12, 12, 3, 1)


def test_grey_images_have_one_channel() -> None:
    held = Images(np.arange(24, dtype=np.uint8).reshape(2, 3, 4), np.array([1, 0]))
    assert held.shape == (1, 3, 4)
    assert held.read(np.array([1]))[0, :, :, 0].tolist() == held.x[1].tolist()
    assert held.select(np.array([1])).y.tolist() == [0]
    assert Images(np.zeros((2, 3, 4, 3), dtype=np.uint8), held.y).shape == (3, 3, 4)
