import numpy as np
from sklearn.datasets import load_digits

from bnnaudit.zoo.train.digits import load_digits_split


def test_every_digit_is_in_one_part_and_none_in_both() -> None:
    split = load_digits_split(597, 0)
    levels, labels = load_digits(return_X_y=True)
    both = np.concatenate([split.train.x, split.test.x]).reshape(-1, 64)
    seen = np.concatenate([both, np.concatenate([split.train.y, split.test.y])[:, None]], axis=1)
    original = np.concatenate([np.rint(levels * 255 / 16), labels[:, None]], axis=1).astype(np.int64)
    assert len(split.test.y) == 597
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, original.tolist()))


def test_grey_levels_span_the_pixels() -> None:
    test = load_digits_split(597, 0).test
    assert test.x.dtype == np.uint8
    assert set(np.unique(test.x)) == {round(level * 255 / 16) for level in range(17)}


def test_the_seed_decides_who_is_held_out() -> None:
    first, again, other = (load_digits_split(100, seed).test.x for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
