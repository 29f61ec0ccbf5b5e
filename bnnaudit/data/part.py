"""Which part of a data set is meant: what a model was trained on, or what was held out."""

from __future__ import annotations

from enum import Enum


class DataPart(Enum):
    """Its value: the words, as names of folders and arrays have them, the usual one first."""

    HELD_OUT = ("test", "val", "valid", "validation")
    TRAINING = ("train", "training")
