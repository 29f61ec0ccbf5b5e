"""`bnnaudit history [NAME]`: claimed and verified accuracy over releases, from the reports that `check --history` kept."""

from __future__ import annotations

from dataclasses import MISSING
from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli import options, paths, values
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.library_files import thrown_away
from bnnaudit.cli.paths import refuse_overwriting
from bnnaudit.cli.session import files_written, provenance, require_formats

Name = Annotated[
    str | None,
    typer.Argument(
        help="Model's file name, with or without its suffix; without one, all models are listed.",
        rich_help_panel="Model",
        metavar="NAME",
        parser=values.filled,
    ),
]


class Folder(Options, panel="Reports"):
    """Where the reports are."""

    history: paths.KeptFolder = option("Folder that `bnnaudit check --history` keeps reports in.", value=MISSING)


@command("bnnaudit history --history audits", "bnnaudit history model.onnx --history audits --plot accuracy.svg")
def history(folder: Folder, reading: options.Reading, output: options.PlottedHistory, name: Name = None) -> int:
    """Draw claimed and verified accuracy of the model NAME over its releases, or list the models there are.

    Files in the folder that are no reports are named and skipped.
    """
    made = provenance()
    require_formats(output)
    place = Path(folder.history)
    kept_files = {f"a report of the history, {path}": path for path in place.rglob("*.json") if path.is_file()}
    refuse_overwriting(kept_files, files_written(output))
    with failing_into_files(output, name or str(place), made):
        from bnnaudit.cli.kept_reports import kept_reports
        from bnnaudit.releases.history import history_of

        kept, skipped = kept_reports(place)
        found = history_of(kept, skipped, str(place), name or "", made)
        if output.plot is not None:
            from bnnaudit.reports.pictures.history import save_history

            with thrown_away():
                save_history(found, output.plot)
    return write(found, output)
