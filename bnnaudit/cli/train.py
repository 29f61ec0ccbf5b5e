"""`bnnaudit train RECIPE`: makes a network from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli import interrupts, paths
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.library_files import thrown_away
from bnnaudit.cli.options import Reading
from bnnaudit.cli.streams import waiting


class TrainOptions(Options, panel="Output"):
    """Where the network goes, and how much is shown on the way."""

    output: paths.Folder = option("Folder to write to.", "the current folder", flags="--output -o", value=Path())
    quiet: bool = option("Show no progress on stderr.", flags="--quiet -q", value=False)
    verbose: bool = option("A traceback if bnnaudit itself fails.", flags="--verbose -v", value=False)


RecipePath = Annotated[
    Path, typer.Argument(help="TOML file that describes the network.", rich_help_panel="Model", **vars(paths.RECIPE))
]


@command("bnnaudit train recipe.toml", "bnnaudit train recipe.toml --output models --quiet")
def train(recipe: RecipePath, reading: Reading, options: TrainOptions) -> None:
    """Train the network that RECIPE describes, and write it with its card, test images and digests.

    The same recipe always gives the same network. Needs the extra bnnaudit[train].
    """
    interrupts.release()
    with waiting("loading", options.quiet):
        from bnnaudit.cli.progress import progress_bar
        from bnnaudit.reports.numbers import percent
        from bnnaudit.reports.safe_text import short
        from bnnaudit.zoo.train.recipes import read_recipe
        from bnnaudit.zoo.train.training import train, written_names

        wanted = read_recipe(recipe)
    paths.refuse_overwriting(
        {"the recipe": recipe}, [("output", options.output / name) for name in written_names(wanted)]
    )
    with progress_bar(options.quiet) as progress:
        progress.plan(wanted.training.epochs)

        def listen(epoch: int, epochs: int, loss: float) -> None:
            progress.task(f"{wanted.name}: epoch {epoch}, loss {loss:.3g}")
            progress.advance(1)

        with thrown_away():
            result = train(wanted, options.output, listen)
    typer.echo(f"{wanted.name}: clean accuracy {percent(result.clean_accuracy)} on the held-out images")
    for path in result.files:
        typer.echo(f"  {short(str(path))}")
