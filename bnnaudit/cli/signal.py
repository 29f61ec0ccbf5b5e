"""`bnnaudit signal MODEL`: how the signal propagates, and where it dies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.surrogate import Surrogate


@click.command("signal", short_help="How the signal propagates, and where it dies.")
@options.model_argument
@options.data_options()
@click.option(
    "--surrogate", type=options.SURROGATE, help="Gradient of sign and round: KIND[:WIDTH].  [default: identity]"
)
@options.model_options
@options.serving_option
@options.plot_option
@options.run_options
@options.output_options
def command(model: Path, plot: Path | None, **values: Any) -> int:
    """Measure signal propagation in MODEL, as it is and with the NJS and HNS temperatures. Nothing is attacked.

    Jacobian singular values, error signal, input gradient, the gradient at every step without one of its own, and how
    all of it depends on the temperature b; over up to 100 images that are classified correctly.
    """
    check_output(values["output"])
    with waiting("measuring", values["quiet"]):
        from bnnaudit.audit.open import open_model_and_data, threat_of
        from bnnaudit.audit.signal import run_signal
        from bnnaudit.audit.threads import computing_with
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.config.card import parse_settings, settings_for
        from bnnaudit.reports.pictures import check_can_plot, save_signal
        from bnnaudit.reports.table import ReportFormat, render

        if plot is not None:
            check_can_plot(plot)
        flags = parse_settings(options.nested_flags(values), "command line")
        settings = settings_for(model, flags, Path.cwd(), values["card"])
        opened = open_model_and_data(model, settings)
        with computing_with(opened.threads):
            report = run_signal(
                opened.target,
                opened.sample,
                settings.attack.surrogate or Surrogate(),
                threat_of(settings, opened.target.facts),
                settings.data.seed or 0,
                opened.batch_size,
                stamp(),
            )
    if plot is not None:
        save_signal(report, plot)
    kind = ReportFormat(values["format_name"])
    deliver_with(
        lambda page: render(report, kind, width=page.width, color=page.color, ascii=page.ascii), values["output"]
    )
    return 0
