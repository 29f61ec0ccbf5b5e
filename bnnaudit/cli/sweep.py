"""`bnnaudit sweep MODEL`: accuracy against one setting of an attack."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.attack import METHODS, TRANSFER, attack_settings, refuse_unused
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.attack import Beta, Method
from bnnaudit.core.sweep import Parameter, parse_values, usual_values


@click.command("sweep", short_help="Accuracy against one setting of an attack.")
@options.model_argument
@options.data_options()
@click.option("--over", required=True, type=options.choice(Parameter), help="The setting that varies.")
@click.option("--values", metavar="V,V,...", help="Its values: 1,2,5,10 or 2/255,8/255.  [default: usual ones]")
@click.option(
    "--method",
    type=click.Choice([name for name in METHODS if name != TRANSFER]),
    help="With ++ the attack scales the logits by --beta.  [default: pgd]",
)
@options.attack_options
@options.threat_options
@options.model_options
@options.serving_option
@options.plot_option
@options.run_options
@options.output_options
def command(model: Path, over: str, values: str | None, method: str | None, plot: Path | None, **rest: Any) -> int:
    """Run one attack on MODEL at several values of one setting, and print what each leaves after replay.

    Iterations are read off one long run where that is exact. A sweep over rho is one of the NJS temperature.
    """
    check_output(rest["output"])
    parameter = Parameter(over)
    chosen = None if values is None else parse_values(parameter, values)
    with waiting("loading", rest["quiet"]):
        from bnnaudit.audit.open import open_model_and_data, threat_of
        from bnnaudit.audit.prepare import prepare
        from bnnaudit.audit.sweep import SweepRequest, check_sweep, run_sweep
        from bnnaudit.audit.threads import computing_with
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.config.card import parse_settings, settings_for
        from bnnaudit.reports.pictures import check_can_plot, save_sweep
        from bnnaudit.reports.table import ReportFormat, render

        if plot is not None:
            check_can_plot(plot)
        settings = settings_for(
            model, parse_settings(options.nested_flags(rest), "command line"), Path.cwd(), rest["card"]
        )
        table = settings.attack
        name = method or str(table.method or Method.PGD)
        refuse_unused(name, rest)
        attack = attack_settings(
            name,
            table.beta,
            table.surrogate,
            **table.chosen("steps", "step_size", "restarts", "loss", "targets", "queries", "budget"),
            **options.attack_flags(rest),
        )
        if table.beta is None and parameter in (Parameter.BETA, Parameter.RHO):
            attack = replace(attack, beta=Beta())  # the sweep's to choose, not that of the ++
        opened = open_model_and_data(model, settings)
        threat = threat_of(settings, opened.target.facts)
        request = SweepRequest(parameter, chosen or usual_values(parameter, threat), attack, threat)
        check_sweep(request)
    with ProgressBar(rest["quiet"]) as progress, computing_with(opened.threads):
        progress.task("deployed model on clean images")
        prepared = prepare(opened.target, opened.sample, settings.data.seed or 0, opened.batch_size)
        progress.plan(int(prepared.clean.sum()) * request.image_steps())
        progress.task(f"{attack.name} over {parameter}")
        report = run_sweep(prepared, request, stamp(), progress.advance)
    if plot is not None:
        save_sweep(report, plot)
    kind = ReportFormat(rest["format_name"])
    deliver_with(
        lambda page: render(report, kind, width=page.width, color=page.color, ascii=page.ascii), rest["output"]
    )
    return 0
