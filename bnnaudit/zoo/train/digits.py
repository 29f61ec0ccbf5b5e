"""Handwritten digits, 8 x 8, bundled with scikit-learn: UCI Optical Recognition of Handwritten Digits, CC BY 4.0."""

from __future__ import annotations

import hashlib

import numpy as np

from bnnaudit.core.errors import UsageError
from bnnaudit.zoo.train.images import Images, Split

SHAPE = (1, 8, 8)
"""Shape of one image, as a network takes it."""
CLASSES = 10


def load_digits_split(held_out: int, seed: int) -> Split:
    """The 1,797 digits, shuffled by `seed`; the last `held_out` of them are the test images.

    The 17 grey levels 0..16 become round(level * 255 / 16). Raises UsageError where scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise UsageError("training: the digits come with scikit-learn; install bnnaudit[train]") from None
    levels, labels = load_digits(return_X_y=True)
    x = np.round(levels.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    y = labels.astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(y))
    train, test = order[:-held_out], order[-held_out:]
    sha256 = hashlib.sha256(x.tobytes() + y.tobytes()).hexdigest()
    return Split(Images(x[train], y[train]), Images(x[test], y[test]), CLASSES, True, sha256)
