"""`bnnaudit train RECIPE`: makes a network from a recipe."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bnnaudit.cli import interrupts, paths
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.library_files import thrown_away
from bnnaudit.cli.options import Reading
from bnnaudit.cli.streams import waiting
from bnnaudit.core.exit_codes import ExitCode

if TYPE_CHECKING:
    from bnnaudit.cli.progress import Shown
    from bnnaudit.zoo.train.state import State


class TrainOptions(Options, panel="Output"):
    """Where the network goes, and how much is shown on the way."""

    output: paths.Folder = option("Folder to write to.", "the current folder", flags="--output -o", value=Path())
    data_root: paths.DataRoot | None = option(
        "Folder where torchvision keeps its data sets, or from which the recipe names its data."
    )
    restart: bool = option("Train anew where an interrupted training left a checkpoint.", value=False)
    quiet: bool = option("Show no progress on stderr.", flags="--quiet -q", value=False)
    verbose: bool = option("A traceback if bnnaudit itself fails.", flags="--verbose -v", value=False)


RecipePath = Annotated[
    Path, typer.Argument(help="TOML file that describes the network.", rich_help_panel="Model", **vars(paths.RECIPE))
]


@command("bnnaudit train recipe.toml", "bnnaudit train recipe.toml --output models --data-root data")
def train(recipe: RecipePath, reading: Reading, options: TrainOptions) -> int | None:
    """Train the network that RECIPE describes, and write it with its card, log of figures and digests.

    The same recipe and data always give the same network. A training that was interrupted or killed goes on from its last
    checkpoint. Needs the extra bnnaudit[train].
    """
    interrupts.release()
    with waiting("loading", options.quiet):
        from bnnaudit.cli.progress import progress_bar
        from bnnaudit.reports.numbers import percent
        from bnnaudit.reports.safe_text import short
        from bnnaudit.zoo.train.keeping import TrainingInterruptedError
        from bnnaudit.zoo.train.publishing import written_names
        from bnnaudit.zoo.train.recipes import read_recipe
        from bnnaudit.zoo.train.training import Surroundings, train
        from bnnaudit.zoo.train.training_data import DIGITS

        wanted = read_recipe(recipe)
    made = [("output", options.output / name) for name in written_names(wanted, wanted.data.source == DIGITS)]
    paths.refuse_overwriting({"the recipe": recipe}, made, reports_to=())
    with progress_bar(options.quiet) as progress:
        shown = TrainingShown(wanted.name, wanted.training.epochs, progress)
        around = Surroundings(recipe, options.data_root, shown, shown.decoded, interrupts.heard, options.restart)
        try:
            with thrown_away():
                result = train(wanted, options.output, around)
        except TrainingInterruptedError as stopped:
            typer.echo(
                f"bnnaudit: interrupted; the same command goes on from {short(str(stopped.checkpoint))}", err=True
            )
            return ExitCode.UNFINISHED
    typer.echo(f"{wanted.name}: clean accuracy {percent(result.clean_accuracy)} on the held-out images")
    for path in result.files:
        typer.echo(f"  {short(str(path))}")
    return None


BETWEEN = 0.2
"""Seconds between two words on figures, which a GPU is to be waited for. Not tuned."""


class TrainingShown:
    """Shows how far a training is: the epoch with its loss and accuracy so far, and the last accuracy on test images."""

    def __init__(self, name: str, epochs: int, progress: Shown) -> None:
        self.name, self.epochs, self.progress = name, epochs, progress
        self.left, self.untold, self.told = 0, 0, -math.inf

    def decoded(self, done: int, count: int) -> None:
        """Images are being decoded, once for all trainings."""
        self.progress.task(f"{self.name}: {done:,} of {count:,} images decoded")

    def planned(self, steps: int) -> None:
        """A signal waits for the end of a step from here on."""
        interrupts.hold()
        self.left = steps
        self.progress.plan(steps)

    def stepped(self, state: State) -> None:
        """Names epoch, loss and accuracy of its batches so far, and the test accuracy after the one before."""
        self.left -= 1
        self.untold += 1
        if self.left and time.monotonic() - self.told < BETWEEN:
            return
        self.told = time.monotonic()
        seen = max(1, state.seen)
        text = f"{self.name}: {state.epoch + 1}/{self.epochs}, loss {state.loss / seen:.3g}, {100 * state.right / seen:.1f} %"
        if state.figures:
            text += f", test {100 * state.figures[-1].test_accuracy:.1f} %"
        self.progress.task(text)
        self.progress.advance(self.untold)
        self.untold = 0
