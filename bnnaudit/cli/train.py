"""`bnnaudit train RECIPE`: makes a network from a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from bnnaudit.cli.options import PATH
from bnnaudit.cli.streams import waiting


@click.command("train", short_help="Train a network from a recipe.")
@click.argument("recipe", type=PATH)
@click.option(
    "--output", "-o", type=PATH, default=Path(), show_default="the current folder", help="Folder to write to."
)
@click.option("--quiet", "-q", is_flag=True, help="No progress on stderr.")
@click.option("--verbose", "-v", is_flag=True, help="A traceback if bnnaudit itself breaks.")
def command(recipe: Path, output: Path, quiet: bool, verbose: bool) -> int:
    """Train the network that RECIPE (a TOML file) describes; write it with its card, test images and digests.

    The same recipe gives the same network again. Needs the extra bnnaudit[train].
    """
    with waiting("loading", quiet):
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.reports.numbers import percent
        from bnnaudit.zoo.train.recipes import read_recipe
        from bnnaudit.zoo.train.training import train

        wanted = read_recipe(recipe)
    with ProgressBar(quiet) as progress:

        def listen(epoch: int, epochs: int, loss: float) -> None:
            if epoch == 1:
                progress.plan(epochs)
            progress.task(f"{wanted.name}: epoch {epoch}, loss {loss:.3g}")
            progress.advance(1)

        result = train(wanted, output, listen)
    click.echo(f"{wanted.name}: clean accuracy {percent(result.clean_accuracy)} on the held-out images")
    for path in result.files:
        click.echo(f"  {path}")
    return 0
