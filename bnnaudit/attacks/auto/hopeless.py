"""Whether an image is worth going on with: how fast its margin falls, and how much of the budget is left.

Without it (`python -m tests.bench.ablation`, 200 images, 300 gradients per image) no network has an image more or less left.
It saves 78 of 197 gradients per image on digits-bnn-wq at 0.05, 25 of 210 on the 2-bit MNIST network in L2, and at most 15
elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FASTER = 10
"""By how much an image's margin may fall faster from now on than it did of late. Not tuned."""
NEAR = 0.1
"""An image is never given up whose margin is below this part of the original's. Not tuned."""


@dataclass(slots=True, eq=False)
class Forecast:
    """The margins of the N originals, and what was left of margins and budget when they were last looked at."""

    originals: Tensor
    margins: Tensor
    left: float

    def hopeless(self, margins: Tensor, left: float) -> Tensor:
        """Images (N,) bool that would not fall within the budget `left` even FASTER times faster than since the last look."""
        spent = max(self.left - left, torch.finfo(margins.dtype).tiny)
        fallen = (self.margins - margins).clamp_min(0)
        self.margins, self.left = margins.clone(), left
        return (margins > FASTER * fallen * (left / spent)) & (margins > NEAR * self.originals)
