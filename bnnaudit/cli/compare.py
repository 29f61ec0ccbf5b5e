"""`bnnaudit compare OLDER NEWER`: what changed between two releases, from their JSON reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli import options, values
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.paths import STORED_REPORT, refuse_overwriting
from bnnaudit.cli.session import files_written, provenance, require_formats
from bnnaudit.core.policy import Decide, FailOn

OLDER, NEWER = (replace(STORED_REPORT, metavar=name) for name in ("OLDER", "NEWER"))
Older = Annotated[
    Path, typer.Argument(help="JSON report of the older release.", rich_help_panel="Reports", **vars(OLDER))
]
Newer = Annotated[
    Path, typer.Argument(help="JSON report of the newer release.", rich_help_panel="Reports", **vars(NEWER))
]


class Drops(Options, panel="Gate"):
    """What the newer release has to meet; by default what its own policy says."""

    max_drop: values.Share | None = option(
        "Most that clean and verified accuracy may fall, such as 0.02 or 2%: the whole interval of the drop has to keep to it.",
        "no drop beyond chance",
    )
    fail_on: FailOn | None = option(
        "Least severity of a new or worse finding that fails.", "that of the newer report's policy", metavar="LEVEL"
    )
    decide: Decide | None = option(
        "What of a drop has to keep to --max-drop: its whole 95 % interval, or the estimate alone.",
        "that of the newer report's policy",
    )


@command(
    "bnnaudit compare v1.json v2.json",
    "bnnaudit compare v1.json v2.json --max-drop 0.02 --report markdown=changes.md",
)
def compare(older: Older, newer: Newer, drops: Drops, reading: options.Reading, output: options.Comparison) -> int:
    """Compare two releases: how far clean and verified accuracy fell, with intervals, and which findings are new or gone.

    Where both reports carry the same images, these are compared one by one. Suites are matched by model name and threat. Exits
    with 0 if nothing got significantly worse, 1 if an accuracy did or a finding that fails is new, 2 if the two cannot be
    compared, 3 if an audit is undecided or --max-drop lies in the interval of a drop.
    """
    made = provenance()
    require_formats(output)
    refuse_overwriting({"the older report": older, "the newer report": newer}, files_written(output))
    with failing_into_files(output, f"{older} {newer}", made):
        from bnnaudit.releases.comparing import Asked, compare_releases
        from bnnaudit.releases.earlier import stored

        asked = Asked(drops.max_drop, drops.fail_on, drops.decide)
        comparison = compare_releases(stored(older), stored(newer), asked, made)
    written = write(comparison, output)
    from bnnaudit.core.exit_codes import worst_delivered

    return worst_delivered(written, [comparison.exit_code])
