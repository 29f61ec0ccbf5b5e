"""Brendel & Bethge's attack as Foolbox has it: along the decision boundary towards the image ([Brendel et al. 2019]).

Foolbox comes with the extra `bnnaudit[foolbox]`. It is given images of 0..1, whatever range the network takes, because its
solver has absolute tolerances; starts of our own, because its own depend on the global random state; and one image at a time,
because its trust region grows with their number. So a result depends on the image and the seed alone.
"""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any

import torch
from torch import Tensor, nn

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.boundary.boundary import settle
from bnnaudit.attacks.context import Context
from bnnaudit.attacks.geometry import lengths_of, whole_lengths
from bnnaudit.core.attack import BrendelBethge
from bnnaudit.core.batch import Batch
from bnnaudit.core.errors import UsageError
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Box, Norm
from bnnaudit.numerics.randomness import uniform_block

TRUST_REGION = 1.0
"""Radius of the first step over the diagonal of the box. Foolbox's own 0.001 N n, for N images of n pixels at a time, is 0.56 for
twenty digits of 28 x 28 pixels, and next to nothing for one image; of 0.02 to 16 the values from 0.5 up did best in 20 steps.
"""
DRAWS = 20
"""Images of uniform noise that are tried as a start before an image of another class is taken. Not tuned."""


def attack(settings: BrendelBethge, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` steps in each restart, from noise that is misclassified, else from the nearest image of another class.

    Raises UsageError where Foolbox or its compiler is missing.
    """
    foolbox = _foolbox()
    best, model = BestSoFar.blank(batch), _CountedModel(context).eval()
    with torch.no_grad():
        logits = model.judged(batch.images)
    best.judge(best.standing, batch.images, logits, batch.labels, 0)
    for restart in range(settings.restarts):
        rows = best.standing
        starts, found = _starts(context, model, batch.select(rows), restart)
        started = rows[found]
        told = model.backwards
        if len(started):
            points = _nearest(foolbox, settings, context, model, batch.select(started), starts[found])
            _enter(settings, context, batch, points, started, best)
            model.forwards += len(started)
        context.on_progress(len(batch) * settings.steps - (model.backwards - told))
    return best.outcome(Cost(model.forwards, model.backwards))


class _CountedModel(nn.Module):
    """The network for images of 0..1; counts what is asked of it, and reports each step of each image."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context, self.forwards, self.backwards = context, 0, 0

    def judged(self, points: Tensor) -> Tensor:
        """Logits (M, d) of images in the network's own range."""
        self.forwards += len(points)
        return self.context.target.logits(points)

    def forward(self, images: Tensor) -> Tensor:
        if images.requires_grad:
            self.backwards += len(images)
            self.context.on_progress(len(images))
        return self.judged(_stretched(images, self.context.threat.box))


def _stretched(images: Tensor, box: Box) -> Tensor:
    """From 0..1 to the box."""
    return (box.low + images * box.width).clamp(box.low, box.high)


def _shrunk(images: Tensor, box: Box) -> Tensor:
    """From the box to 0..1."""
    return ((images - box.low) / box.width).clamp(0, 1)


def _starts(context: Context, model: _CountedModel, batch: Batch, restart: int) -> tuple[Tensor, Tensor]:
    """A misclassified start for each of M images (M, ...), and whether one was found (M,) bool."""
    box, shape = context.threat.box, batch.images.shape[1:]
    starts, found = batch.images.clone(), torch.zeros(len(batch), dtype=torch.bool, device=batch.images.device)
    with torch.no_grad():
        for block in range(DRAWS):
            lacking = (~found).nonzero().squeeze(1)
            if len(lacking) == 0:
                return starts, found
            noise = uniform_block(context.seed, batch.ids[lacking].tolist(), restart, block, shape)
            noise = _stretched(noise.to(starts.device), box)
            hits = model.judged(noise).argmax(dim=1) != batch.labels[lacking]
            starts[lacking[hits]], found[lacking[hits]] = noise[hits], True
        lacking = (~found).nonzero().squeeze(1)
        sample = context.calibration
        if len(lacking) == 0 or len(sample) == 0:
            return starts, found
        classes = torch.cat(
            [model.judged(part).argmax(dim=1) for part in torch.split(sample.images, context.batch_size)]
        )
    for row in lacking.tolist():
        others = sample.images[classes != batch.labels[row]]
        if len(others):
            distances = whole_lengths(others - batch.images[row], context.threat.norm)
            starts[row], found[row] = others[distances.argmin()], True
    return starts, found


def _nearest(
    foolbox: Any, settings: BrendelBethge, context: Context, model: _CountedModel, batch: Batch, starts: Tensor
) -> Tensor:
    """The nearest adversarial images (M, ...) that Foolbox found for M images, in the network's range."""
    box = context.threat.box
    kinds = {Norm.LINF: "LinfinityBrendelBethgeAttack", Norm.L2: "L2BrendelBethgeAttack"}
    kind = getattr(foolbox.attacks, kinds[context.threat.norm])
    with warnings.catch_warnings():
        # That its solver is compiled first, which takes a minute.
        warnings.simplefilter("ignore")
        attack = kind(steps=settings.steps, lr=TRUST_REGION / sqrt(batch.images[0].numel()))
        bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device=batch.images.device)
        originals, begin = _shrunk(batch.images, box), _shrunk(starts, box)
        images = zip(originals.split(1), batch.labels.split(1), begin.split(1), strict=True)  # type: ignore[no-untyped-call]
        # One by one: the solver makes much of the last bit in which the logits of a batch differ.
        near = torch.cat(
            [
                attack.run(bounded, image, foolbox.Misclassification(label), starting_points=start)
                for image, label, start in images
            ]
        )
    return _stretched(near, box)


def _enter(
    settings: BrendelBethge, context: Context, batch: Batch, points: Tensor, rows: Tensor, best: BestSoFar
) -> None:
    """Judges what was found for the images `rows`: as it is where it lies in the ball, else drawn back into it."""
    origins = batch.images[rows]
    inside = lengths_of(points - origins, context.threat) <= context.threat.radius
    logits = context.judged(points[inside])
    best.judge(rows[inside], points[inside], logits, batch.labels[rows[inside]], settings.steps)
    outside = rows[~inside]
    settle(context, batch.select(outside), points[~inside], outside, best, settings.steps)


def _foolbox() -> Any:
    """Foolbox, once it and the compiler of its solver are there."""
    try:
        with warnings.catch_warnings():
            # It imports from a folder of scipy that is to go.
            warnings.simplefilter("ignore")
            import foolbox
            import numba  # noqa: F401
    except ImportError as error:
        raise UsageError(
            f"method: bba needs Foolbox, which is not installed ({error}); pip install 'bnnaudit[foolbox]'"
        ) from error
    return foolbox
