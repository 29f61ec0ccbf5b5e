import numpy as np
import pytest

from bnnaudit.models.weight_bits import bits_of

RANDOM = np.random.default_rng(0)
FLOATS = RANDOM.standard_normal((16, 3, 3, 3)).astype(np.float32)
SIGNS = np.where(FLOATS > 0, 1, -1).astype(np.float32)
SCALES = RANDOM.uniform(0.1, 2, (16, 1, 1, 1)).astype(np.float32)


def levels(count: int, size: int = 432) -> np.ndarray:
    return RANDOM.choice(np.linspace(-1, 1, count), size).astype(np.float32).reshape(16, -1)


def int8(scale: np.ndarray | float) -> np.ndarray:
    whole = RANDOM.integers(-127, 128, (16, 3, 3, 3)).astype(np.float32)
    whole[:, 0, 0, 0] = 127
    return (whole * np.float32(scale)).astype(np.float32)


def whole(low: int, high: int) -> np.ndarray:
    """Whole numbers from low to high, both of them in every channel."""
    drawn = RANDOM.integers(low, high + 1, (16, 3, 3, 3)).astype(np.float32)
    drawn[:, 0, 0, 0], drawn[:, 0, 0, 1] = low, high
    return drawn


def int16(scale: np.ndarray | float, largest: int = 32767) -> np.ndarray:
    """Whole numbers up to `largest` in every channel, one of them next to zero."""
    whole = RANDOM.integers(-largest, largest + 1, (16, 3, 3, 3))
    whole[:, 0, 0, 0], whole[:, 0, 0, 1] = largest, 1
    return (whole * np.float32(scale)).astype(np.float32)


def uint16(zero: int) -> np.ndarray:
    """The whole range around a zero point."""
    whole = np.append(RANDOM.integers(0, 65536, 430), [0, 65535]) - zero
    return (whole * np.float32(0.01)).astype(np.float32).reshape(16, -1)


CASES = [
    (SIGNS, 1),
    (SIGNS * np.float32(0.3), 1),
    (SIGNS * SCALES, 1),
    (levels(2), 1),
    (levels(3), 2),
    (levels(4), 2),
    (levels(16), 4),
    (levels(3) * SCALES[:, :, 0, 0], 2),
    (levels(64, 16 * 900), 6),
    (levels(5), 3),
    (levels(6, 16 * 8), 3),
    (levels(8), 3),
    (levels(8) * SCALES[:, :, 0, 0], 3),
    (levels(9), 4),
    (levels(32), 5),
    (levels(33, 16 * 100), 6),
    (whole(-4, 3) * SCALES, 3),
    (whole(-3, 3) * SCALES, 3),
    (whole(-32, 31) * SCALES, 6),
    (whole(-31, 31) * np.float32(0.0123), 6),
    (whole(-64, 63) * SCALES, 7),
    (whole(0, 7) * np.float32(0.5) - np.float32(1.3), 3),
    (RANDOM.choice(np.float32([-4, -2, -1, 0, 1, 2, 4]), (16, 100)), 3),
    (int8(0.0123), 8),
    (int8(SCALES), 8),
    (int16(0.000123), 16),
    (int16(0.000123, 20000), 16),
    (int16(SCALES), 16),
    (int16(SCALES, 300), 16),
    (uint16(5000), 16),
    (uint16(0), 16),
    (np.tile(int16(0.01), (1, 1, 20, 20)), 16),
    (int16(0.01, 2**20), 32),
    (FLOATS.astype(np.float16), 32),
    (FLOATS, 32),
    (FLOATS.astype(np.float64), 32),
    (RANDOM.standard_normal((4, 9)), 32),
    (RANDOM.standard_normal((64, 1)), 32),
    (np.full((4, 9), np.nan), 32),
    (np.zeros((0, 3)), 32),
    (np.concatenate([SIGNS, FLOATS]), 32),
]


@pytest.mark.parametrize("case", range(len(CASES)))
def test_bits(case: int) -> None:
    weights, bits = CASES[case]
    assert bits_of(weights, 0) == bits


def test_channels_may_be_on_another_axis() -> None:
    scaled = (SIGNS * SCALES).reshape(16, 27).T
    assert bits_of(scaled, -1) == 1
    assert bits_of(scaled, 0) == 32


def test_random_numbers_are_never_taken_for_few_bits() -> None:
    for size in (2, 3, 5, 8, 9, 16, 27, 64):
        for seed in range(200):
            assert bits_of(np.random.default_rng(seed).standard_normal((3, size)), 0) == 32
