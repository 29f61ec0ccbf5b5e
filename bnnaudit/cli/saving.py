"""Adversarial images as an `.npz` that other programs, and `--data`, can read."""

from __future__ import annotations

import io
import os
import tempfile
from pathlib import Path

import numpy as np

from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import ModelFacts
from bnnaudit.engine.single import Adversarial


def check_can_save(path: Path) -> None:
    """Raises UsageError before any work is done, if the file could not be written after it."""
    if path.suffix != ".npz":
        raise UsageError(f"save: {path} does not end in .npz")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise UsageError(f"save: {path.parent} is not a folder that can be written to")


def save_adversarial(path: Path, adversarial: Adversarial, facts: ModelFacts) -> None:
    """Writes the file all at once.

    x (N, ...) float32: the adversarial images in the network's range; y (N,): labels; original (N, ...): the images before;
    predicted_before, predicted_after (N,): the deployed model's classes; fooled (N,) bool: right before and wrong after;
    id (N,): index in the data; input_range (2,): the units of x and original.
    """
    labels, before, after = (value.numpy() for value in (adversarial.labels, adversarial.before, adversarial.after))
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        x=adversarial.images.numpy(),
        y=labels,
        original=adversarial.original.numpy(),
        predicted_before=before,
        predicted_after=after,
        fooled=(before == labels) & (after != labels),
        id=adversarial.ids.numpy(),
        input_range=np.array([facts.box.low, facts.box.high]),
    )
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
        stream.write(buffer.getvalue())
    Path(stream.name).replace(path)
