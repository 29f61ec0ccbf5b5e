"""What an attack works on and with, apart from its own settings and the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.temperature import Temperature


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of an attack.

    target: its network passes gradients by the surrogate of the settings. temperature: the rule of the settings, fitted.
    calibration: images on which whatever is common to all of them is estimated, so that no result depends on how the
    sample is cut into batches. batch_size: the most images to put through the network at once. on_progress: told of as
    many image-steps in all as the method's `image_steps` announces, those that a fooled image is spared included.
    """

    target: Target
    threat: Threat
    temperature: Temperature
    calibration: Batch
    seed: int
    batch_size: int
    on_progress: Callable[[int], None]

    def logits(self, points: Tensor) -> Tensor:
        """Differentiable logits (N, d) of points (N, ...)."""
        return self.target.logits(points)
