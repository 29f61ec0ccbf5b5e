"""Checks every claimed adversarial image again: no attack grades itself.

Ball, box and the differentiable copy's decision are recomputed, and the deployed model has the last word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bnnaudit.attacks.geometry import lengths_of, pixel_grid
from bnnaudit.auditing.serving import Answers, Reading, answers_of, session_scores
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.serving import Sessions
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.numerics.pixel_grid import PixelGrid

TOLERANCE = 1e-5
"""Relative excess of a radius that float32 rounding explains."""
EXCESS = 0.01
"""Share of a step between pixels that float32 may add to a length where pixels are whole steps apart. Not tuned."""
_NOBODY = Sessions(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_))
_NO_READING = Reading(torch.zeros(0, dtype=torch.int64), torch.zeros(0))


class ForeignPerturbationError(RuntimeError):
    """An attack returned an image outside the ball or the box: a bug of ours, never a finding."""


@dataclass(frozen=True, slots=True)
class Replay:
    """What the deployed model says of an attack's images (N, ...).

    fooled (N,) bool: it is wrong in a session that counts. claimed (N,) bool: the differentiable copy is. standing: what each
    session gets right, None where they are the same. reading: what one that counts answers.
    """

    fooled: Tensor
    claimed: Tensor
    reading: Reading
    standing: Sessions | None = None

    @property
    def disagreements(self) -> int:
        """Claimed successes that the deployed model classifies correctly."""
        return int((self.claimed & ~self.fooled).sum())


def replay(target: Target, batch: Batch, threat: Threat, outcome: Outcome, batch_size: int = 256) -> Replay:
    """Puts the images of an attack before every session of the deployed model; labels are those of `batch`.

    What fools the differentiable copy as well as what does not: near a threshold, or in a session that rounds otherwise, the
    deployed model may be wrong where the copy is right. Raises ForeignPerturbationError for an image outside the threat.
    """
    check_threat(batch.images, outcome.images, threat)
    claimed = predict(target, outcome.images, batch_size) != batch.labels
    if len(batch) == 0:
        return Replay(claimed, claimed, _NO_READING, None if target.default_session is None else _NOBODY)
    scores = session_scores(target, outcome.images)
    answers = Answers.of(*scores, target.serve_as)
    reading = Reading.of(*scores, target.serve_as, batch.labels)
    return Replay(~answers.right(batch.labels).to(claimed.device), claimed, reading, answers.sessions(batch.labels))


def fooled_as_8bit(target: Target, batch: Batch, images: Tensor, fooled: Tensor) -> Tensor | None:
    """(N,) bool: which of the confirmed successes `fooled` (N,) survive rounding towards the original to 8-bit pixels.

    The deployed model looks again at those that rounding changes. None where the originals are not 8-bit pictures themselves,
    so that no file of 8-bit pixels stands for them. Of a model of whole numbers that are 8-bit pixels all survive.
    """
    box = target.facts.box
    grid = PixelGrid.of_bits(box.low, box.high, 8)
    if not bool(grid.holds(batch.images).all()):
        return None
    rounded = grid.towards(images, batch.images)
    changed = fooled & (rounded != images).flatten(1).any(dim=1)
    kept = fooled.clone()
    if bool(changed.any()):
        kept[changed] = ~answers_of(target, rounded[changed]).right(batch.labels[changed]).to(kept.device)
    return kept


def predict(target: Target, images: Tensor, batch_size: int = 256) -> Tensor:
    """The differentiable copy's classes (N,)."""
    if len(images) == 0:  # a graph that reshapes to a fixed size cannot say how wide no scores are
        return torch.zeros(0, dtype=torch.int64, device=images.device)
    with torch.no_grad():
        return torch.cat([target.logits(part).argmax(dim=1) for part in torch.split(images, batch_size)])


def check_threat(originals: Tensor, images: Tensor, threat: Threat) -> None:
    """Raises ForeignPerturbationError unless every image is in the ball around its original, in the box and on the grid."""
    if len(images) == 0:
        return
    # What is not a number is neither inside nor outside, so it is asked for the inside.
    if not bool(((images >= threat.box.low) & (images <= threat.box.high)).all()):
        raise ForeignPerturbationError("an attack left the box of valid images")
    grid = pixel_grid(threat)
    if grid is not None and bool(((images != grid.nearest(images)) & (images != originals)).any()):
        pixels = f"{threat.image_bits}-bit pixels" if threat.grid is None else f"the {threat.grid.kind} input"
        raise ForeignPerturbationError(f"an attack left the grid of {pixels}")
    lengths = lengths_of(images - originals, threat)
    slack = TOLERANCE * max(threat.radius, threat.box.width)
    if grid is not None:
        slack = min(slack, EXCESS * grid.unit)
    if not bool((lengths <= threat.radius + slack).all()):
        raise ForeignPerturbationError(
            f"an attack left the {threat.norm} ball: {float(lengths.max()):.6g} > {threat.radius:.6g}"
        )
