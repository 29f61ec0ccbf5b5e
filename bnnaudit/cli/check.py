"""`bnnaudit check MODEL`: the whole audit, whose exit code is the gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.main import FAILED, PASSED, UNFINISHED
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.effort import Effort


@click.command("check", short_help="Audit a model and gate its release.")
@options.model_argument
@options.data_options()
@options.threat_options
@options.model_options
@options.serving_option
@click.option(
    "--substitute",
    metavar="MODEL|none",
    help="Model for the transfer check; none leaves the check out.  [default: a small float network trained on the spot]",
)
@click.option(
    "--effort",
    type=options.choice(Effort),
    help="quick: ordinary attacks, temperatures and surrogates, within seconds. standard: every check. thorough: the "
    "same with the published numbers of draws and queries. `explain --effort` lists the cost.  [default: standard]",
)
@click.option(
    "--all",
    "all_images",
    flag_value=True,
    default=None,
    help="Attack every image of the sample, also where fewer have decided the verdict.",
)
@click.option(
    "--queries", type=click.IntRange(min=1), help="Draws of the random search, an image.  [default: by --effort]"
)
@options.run_options
@options.output_options
def command(model: Path, substitute: str | None, **values: Any) -> int:
    """Audit MODEL: gradient-masking symptoms, their cause, and a verdict measured on the deployed model.

    MODEL is an ONNX file or a checkpoint. A card MODEL.toml beside it can supply every option. Ends with 0 if the
    model passed, 1 if its robustness is fake, 3 if the audit could not decide.
    """
    check_output(values["output"])
    with waiting("loading", values["quiet"]):
        from bnnaudit.api import audit_request
        from bnnaudit.audit.run import run_audit
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.stamp import command_line
        from bnnaudit.core.report import Status
        from bnnaudit.reports.table import ReportFormat, render

        transfer = substitute != "none"
        flags = options.nested_flags({**values, "substitute": substitute if transfer else None})
        request = audit_request(model, flags, values["card"], transfer, command_line())
    with ProgressBar(values["quiet"]) as progress:
        report = run_audit(request, progress)
    kind = ReportFormat(values["format_name"])
    deliver_with(
        lambda page: render(report, kind, width=page.width, color=page.color, ascii=page.ascii), values["output"]
    )
    if report.verdict is None or report.verdict.status is Status.INCONCLUSIVE:
        return UNFINISHED
    return PASSED if report.verdict.passed else FAILED
