"""Brendel & Bethge's attack as Foolbox has it: along the decision boundary towards the image ([Brendel et al. 2019]).

Foolbox comes with the extra `bnnaudit[foolbox]`. It is given images of 0..1, whatever range the network takes, because its
solver has absolute tolerances; starts of our own, because its own depend on the global random state; and one image at a time,
because its trust region grows with their number. So a result depends on the image and the seed alone.
"""

from __future__ import annotations

import warnings
from math import sqrt
from typing import Any, assert_never

import torch
from torch import Tensor, nn

from bnnaudit.attacks.best_so_far import BestSoFar
from bnnaudit.attacks.boundary.boundary import lengths_of, settle
from bnnaudit.attacks.context import Context
from bnnaudit.core.attack import AttackSettings
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
"""Images of uniform noise that are tried as a start before an image of another class is taken."""


def image_steps(settings: AttackSettings) -> int:
    """`settings.steps` in each restart."""
    return settings.steps * settings.restarts


def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
    """`settings.steps` steps in each restart, from noise that is misclassified, else from the nearest image of another class.

    Raises UsageError where Foolbox or its compiler is missing.
    """
    foolbox = _foolbox()
    best, bench = BestSoFar.blank(batch), _Counted(context).eval()
    with torch.no_grad():
        logits = bench.judged(batch.images)
    best.judge(best.standing, batch.images, logits, batch.labels, 0)
    for restart in range(settings.restarts):
        rows = best.standing
        starts, found = _starts(context, bench, batch.select(rows), restart)
        walking = rows[found]
        told = bench.backwards
        if len(walking):
            points = _walk(foolbox, settings, context, bench, batch.select(walking), starts[found])
            _enter(settings, context, batch, points, walking, best)
            bench.forwards += len(walking)
        context.on_progress(len(batch) * settings.steps - (bench.backwards - told))
    return best.outcome(Cost(bench.forwards, bench.backwards))


class _Counted(nn.Module):
    """The network for images of 0..1; counts what is asked of it, and reports each step of each image."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context, self.forwards, self.backwards = context, 0, 0

    def judged(self, points: Tensor) -> Tensor:
        """Logits (M, d) of images in the network's own range."""
        self.forwards += len(points)
        return self.context.logits(points)

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


def _starts(context: Context, bench: _Counted, batch: Batch, restart: int) -> tuple[Tensor, Tensor]:
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
            hits = bench.judged(noise).argmax(dim=1) != batch.labels[lacking]
            starts[lacking[hits]], found[lacking[hits]] = noise[hits], True
        lacking = (~found).nonzero().squeeze(1)
        known = context.calibration
        if len(lacking) == 0 or len(known) == 0:
            return starts, found
        classes = torch.cat(
            [bench.judged(part).argmax(dim=1) for part in torch.split(known.images, context.batch_size)]
        )
    for row in lacking.tolist():
        others = known.images[classes != batch.labels[row]]
        if len(others):
            distances = lengths_of(others - batch.images[row], context.threat.norm)
            starts[row], found[row] = others[distances.argmin()], True
    return starts, found


def _walk(
    foolbox: Any, settings: AttackSettings, context: Context, bench: _Counted, batch: Batch, starts: Tensor
) -> Tensor:
    """The nearest adversarial images (M, ...) that Foolbox found for M images, in the network's range."""
    box = context.threat.box
    match context.threat.norm:
        case Norm.LINF:
            kind = foolbox.attacks.LinfinityBrendelBethgeAttack
        case Norm.L2:
            kind = foolbox.attacks.L2BrendelBethgeAttack
        case _:
            assert_never(context.threat.norm)
    with warnings.catch_warnings():
        # That its solver is compiled first, which takes a minute.
        warnings.simplefilter("ignore")
        walk = kind(steps=settings.steps, lr=TRUST_REGION / sqrt(batch.images[0].numel()))
        model = foolbox.PyTorchModel(bench, bounds=(0, 1), device=batch.images.device)
        originals, begin = _shrunk(batch.images, box), _shrunk(starts, box)
        ways = zip(originals.split(1), batch.labels.split(1), begin.split(1), strict=True)  # type: ignore[no-untyped-call]
        # One by one: the solver makes much of the last bit in which the logits of a batch differ.
        near = torch.cat(
            [
                walk.run(model, image, foolbox.Misclassification(label), starting_points=start)
                for image, label, start in ways
            ]
        )
    return _stretched(near, box)


def _enter(
    settings: AttackSettings, context: Context, batch: Batch, points: Tensor, rows: Tensor, best: BestSoFar
) -> None:
    """Judges what was found for the images `rows`: as it is where it lies in the ball, else drawn back into it."""
    origins = batch.images[rows]
    inside = lengths_of(points - origins, context.threat.norm, settings.l2_per_channel) <= context.threat.radius
    with torch.no_grad():
        logits = context.logits(points[inside])
    best.judge(rows[inside], points[inside], logits, batch.labels[rows[inside]], settings.steps)
    outside = rows[~inside]
    at = torch.full_like(outside, settings.steps)
    settle(settings, context, batch.select(outside), points[~inside], outside, best, at)


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
