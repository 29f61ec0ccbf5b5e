"""`bnnaudit train RECIPE`: makes a network from a recipe, or a recipe for pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli import interrupts, paths
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.library_files import thrown_away
from bnnaudit.cli.options import Reading
from bnnaudit.cli.streams import waiting
from bnnaudit.core.errors import UsageError
from bnnaudit.core.exit_codes import ExitCode


class TrainInput(Reading):
    """What is read."""

    new: paths.Pictures | None = option(
        "Write RECIPE, with comments, for the pictures in this folder or .zip, which has a folder for each class. "
        "Nothing is trained yet."
    )


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


@command("bnnaudit train recipe.toml --new pictures", "bnnaudit train recipe.toml --output models --data-root data")
def train(recipe: RecipePath, read: TrainInput, options: TrainOptions) -> int | None:
    """Train the network that RECIPE describes, and write it with its card, log of figures and digests.

    `--new pictures` writes a RECIPE for a folder of pictures, for you to review and train with. The same recipe and data
    always give the same network. A training that was interrupted or killed goes on from its last checkpoint. Needs the extra
    bnnaudit[train].
    """
    interrupts.release()
    if read.new is not None:
        _write_recipe(recipe, read.new, options.quiet)
        return None
    if not recipe.exists():
        raise UsageError(f"recipe: {recipe}: no such file; --new FOLDER writes one for the pictures in FOLDER")
    paths.existing_file(str(recipe), "recipe")
    with waiting("loading", options.quiet):
        from bnnaudit.cli.progress import progress_bar
        from bnnaudit.cli.training_words import TrainingShown, files_made
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
        shown = TrainingShown(wanted.training.epochs, progress)
        around = Surroundings(
            file=recipe,
            data_root=options.data_root,
            watcher=shown,
            on_decoded=shown.decoded,
            stop=interrupts.heard,
            restart=options.restart,
        )
        try:
            with thrown_away():
                result = train(wanted, options.output, around)
        except TrainingInterruptedError as stopped:
            typer.echo(
                f"bnnaudit: interrupted; the same command goes on from {short(str(stopped.checkpoint))}", err=True
            )
            return ExitCode.UNFINISHED
    typer.echo("\n".join(files_made(wanted, result)))
    return None


def _write_recipe(recipe: Path, pictures: str, quiet: bool) -> None:
    """Writes a recipe for pictures, where no file is yet, and says what it found."""
    paths.absent_file(recipe, "recipe")
    with waiting("looking at the pictures", quiet):
        from bnnaudit.cli.training_words import pictures_found
        from bnnaudit.zoo.train.keeping import refused, write_whole
        from bnnaudit.zoo.train.new_recipe import new_recipe
        from bnnaudit.zoo.train.picture_survey import survey

        found = survey(pictures)
        text = new_recipe(found, recipe)
    with refused(recipe.parent):
        write_whole(recipe, text)
    typer.echo("\n".join(pictures_found(found, recipe)))
