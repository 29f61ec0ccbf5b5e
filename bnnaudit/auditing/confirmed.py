"""Counterexamples as arrays, for evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.auditing.counterexamples import Counterexample
from bnnaudit.data import Sample


@dataclass(frozen=True, slots=True)
class Confirmed:
    """N counterexamples that the replay confirmed, on the CPU.

    original, adversarial (N, C, H, W) or (N, features): images in the network's range. labels (N,) int64. ids (N,) int64: the
    originals' indices in the data set.
    """

    original: Tensor
    adversarial: Tensor
    labels: Tensor
    ids: Tensor

    @classmethod
    def of(cls, found: Sequence[Counterexample], sample: Sample) -> Confirmed:
        """Those whose images were kept."""
        place_of = {index: place for place, index in enumerate(sample.ids.tolist())}
        kept = [(one, one.image) for one in found if one.image is not None]
        places = torch.tensor([place_of[one.index] for one, _ in kept], dtype=torch.int64)
        original = sample.images[places]
        adversarial = torch.stack([image for _, image in kept]) if kept else original.clone()
        labels = torch.tensor([one.label for one, _ in kept], dtype=torch.int64)
        return cls(original, adversarial.to(original.dtype), labels, sample.ids[places])

    def __len__(self) -> int:
        return len(self.labels)

    def select(self, rows: Tensor) -> Confirmed:
        """Those at `rows` (N,) bool."""
        return Confirmed(self.original[rows], self.adversarial[rows], self.labels[rows], self.ids[rows])
