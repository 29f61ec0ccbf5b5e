"""Whether the sample is what the model was made for; measured once, before any attack."""

from __future__ import annotations

import torch
from torch import Tensor

from bnnaudit.core.fit import SampleFit
from bnnaudit.core.target import Target
from bnnaudit.measurements.feeding_fit import measure_feeding
from bnnaudit.measurements.label_fit import measure_labels
from bnnaudit.measurements.picture_fit import measure_pictures

BEYOND_DOUBT = 0.9
"""Clean accuracy from which on no other way to feed the images is tried: none can be better by the ten points that count."""


def measure_fit(target: Target, images: Tensor, answers: Tensor, labels: Tensor | None, batch_size: int) -> SampleFit:
    """images (N, ...) in the target's range, answers (N,) of the deployed model, labels (N,) of the data or None."""
    pictures = measure_pictures(images, target.facts.box, answers)
    if labels is None:
        return SampleFit(
            pictures, untried="the data have no labels, so that one way to feed the images looks as good as another"
        )
    with torch.no_grad():
        logits = torch.cat([target.logits(part).cpu() for part in torch.split(images.to(target.device), batch_size)])
    told = measure_labels(logits, answers, labels)
    if told.right >= BEYOND_DOUBT * told.images:
        return SampleFit(pictures, told)
    return SampleFit(pictures, told, measure_feeding(target, images, labels))
