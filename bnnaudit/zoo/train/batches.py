"""Batches of the training images, on the device that computes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.zoo.train.arithmetic import Arithmetic
from bnnaudit.zoo.train.images import Images, as_inputs, augmented
from bnnaudit.zoo.train.tables import TrainingTable

HELD_SHARE = 4
"""All images are kept on a GPU where they take at most this fraction, 1 / HELD_SHARE, of its free memory. Not tuned."""


class Batches:
    """The training images, from which batches are drawn: on a GPU that has room for all of them, else where they are."""

    def __init__(self, train: Images, plan: TrainingTable, arithmetic: Arithmetic) -> None:
        self.train, self.plan, self.arithmetic = train, plan, arithmetic
        self.held: Tensor | None = None
        self.labels: Tensor | None = None
        device = arithmetic.device
        if device.type == "cuda" and train.x.nbytes <= torch.cuda.mem_get_info(device)[0] // HELD_SHARE:
            self.held = train.read(np.arange(len(train))).to(device)
            self.labels = torch.from_numpy(train.y).to(device)

    def batch(self, ids: Tensor, generator: torch.Generator) -> Batch:
        """The images of these indices, augmented, as training computes with them."""
        device = self.arithmetic.device
        if self.held is None or self.labels is None:
            indices = ids.numpy()
            pixels, labels = self.train.read(indices), torch.from_numpy(self.train.y[indices])
        else:
            ids = ids.to(device)
            pixels, labels = self.held[ids], self.labels[ids]
        images = augmented(pixels, self.plan.shift, self.plan.flip, generator)
        return Batch(self.arithmetic.images(as_inputs(images)), labels.to(device), ids.to(device))
