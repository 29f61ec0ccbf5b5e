"""What `bnnaudit train` says: what it found, how far it is, and what it made."""

from __future__ import annotations

import math
import shlex
import time
from pathlib import Path

from bnnaudit.cli import interrupts
from bnnaudit.cli.progress import Shown
from bnnaudit.core.errors import listed
from bnnaudit.reports.numbers import percent
from bnnaudit.reports.safe_text import short
from bnnaudit.zoo.train.new_recipe import held_out, sizes
from bnnaudit.zoo.train.picture_survey import Survey
from bnnaudit.zoo.train.publishing import card_name, images_name, latent_name, log_name
from bnnaudit.zoo.train.state import State
from bnnaudit.zoo.train.tables import Recipe
from bnnaudit.zoo.train.training import TrainingResult

LISTED = 12
"""Classes that are listed by name. Not tuned."""
BETWEEN = 0.2
"""Seconds between two updates of loss and accuracy: reading them waits for the GPU. Not tuned."""
WIDEST_PATH = 60
"""Characters of the column of paths; longer ones push their description to the right. Not tuned."""


def pictures_found(found: Survey, recipe: Path) -> list[str]:
    """The pictures that a recipe was written for, and what to do with the recipe."""
    classes = listed([f"{short(name, 40)} ({count:,})" for name, count in found.counts.items()], LISTED)
    colours = [f"{count:,} {kind}" for count, kind in ((found.coloured, "in colour"), (found.grey, "grey")) if count]
    apart = f"and {found.test:,} to test on" if found.test else f"{held_out(found):,} of them to be held out"
    return [
        f"{short(found.address)}: {found.images:,} pictures of {len(found.counts)} classes, {apart}",
        f"  classes   {classes}",
        f"  pictures  {sizes(found)}, {' and '.join(colours)}",
        f"{short(str(recipe))} is written. Read it, change what you like, and train:",
        f"  bnnaudit train {short(shlex.quote(str(recipe)))}",
    ]


def files_made(recipe: Recipe, result: TrainingResult) -> list[str]:
    """What training made, file by file, and what to do with it."""
    held = {
        images_name(recipe): "held-out images",
        latent_name(recipe): "latent weights, as trained",
        log_name(recipe): "log of loss and accuracy by epoch",
        card_name(recipe): "card: how to audit the network",
    }
    rows = [(str(path), held.get(path.name, "network")) for path in result.files]
    if [path.name for path in result.files].count(card_name(recipe)) > 1:
        rows[-1] = (rows[-1][0], "copy of the recipe")
    widest = min(max(len(path) for path, _ in rows), WIDEST_PATH)
    return [
        f"{recipe.name}: clean accuracy {percent(result.clean_accuracy)} on the held-out images",
        *(f"  {short(path):<{widest}}  {what}" for path, what in rows),
        "Audit it:",
        f"  bnnaudit check {short(shlex.quote(rows[0][0]))}",
    ]


class TrainingShown:
    """Shows how far a training is: the epoch with its loss and accuracy so far, and the last accuracy on test images."""

    def __init__(self, epochs: int, progress: Shown) -> None:
        self.epochs, self.progress = epochs, progress
        self.left, self.unreported, self.reported_at = 0, 0, -math.inf

    def decoded(self, done: int, count: int) -> None:
        """Images are being decoded, once for all trainings."""
        self.progress.task(f"{done:,} of {count:,} pictures read")

    def planned(self, steps: int) -> None:
        """A signal waits for the end of a step from here on."""
        interrupts.hold()
        self.left = steps
        self.progress.plan(steps)

    def stepped(self, state: State) -> None:
        """Names epoch, loss and accuracy of its batches so far, and the test accuracy after the one before."""
        self.left -= 1
        self.unreported += 1
        if self.left and time.monotonic() - self.reported_at < BETWEEN:
            return
        self.reported_at = time.monotonic()
        seen = max(1, state.seen)
        text = f"epoch {state.epoch + 1}/{self.epochs}, loss {state.loss / seen:.2f}, train {100 * state.right / seen:.1f} %"
        if state.figures:
            text += f", test {100 * state.figures[-1].test_accuracy:.1f} %"
        self.progress.task(text)
        self.progress.advance(self.unreported)
        self.unreported = 0
