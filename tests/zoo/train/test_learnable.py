"""What a classifier cannot be trained on is refused, in one line that names the classes."""

from __future__ import annotations

import numpy as np
import pytest

from bnnaudit.core.errors import DataError
from bnnaudit.zoo.train.learnable import refuse_one_class, refuse_other_classes, refuse_rare


def test_one_class() -> None:
    refuse_one_class("photos", 2)
    with pytest.raises(DataError, match="photos: one class only"):
        refuse_one_class("photos", 1)


def test_rare_classes_are_named_with_their_counts() -> None:
    labels = np.array([0, 0, 2])
    refuse_rare("photos", ["a", "b"], np.array([0, 1]), 1, "add images")
    with pytest.raises(DataError) as refused:
        refuse_rare("photos", ["a", "b", "c", "d", "e"], labels, 2, "add images")
    text = "photos: too few images to train on: b (0), c (1), d (0) and 1 more; each class needs 2: add images"
    assert str(refused.value) == text


def test_parts_with_other_classes_would_number_them_differently() -> None:
    refuse_other_classes("photos", None, ("cat",))
    refuse_other_classes("photos", ("cat", "dog"), ("cat", "dog"))
    with pytest.raises(DataError, match=r"do not have the same classes \(bird, dog\)"):
        refuse_other_classes("photos", ("bird", "cat"), ("cat", "dog"))
