"""`bnnaudit clever MODEL`: CLEVER scores, with and without a temperature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.attack import Beta
from bnnaudit.core.clever import Ball, CleverSettings, usual_radii
from bnnaudit.core.surrogate import Surrogate

SAMPLES = 100
RULES = ("none", "njs", "hns")


@click.command("clever", short_help="Estimate distances by CLEVER scores.")
@options.model_argument
@options.data_options(SAMPLES)
@click.option(
    "--beta",
    "betas",
    type=options.BETA,
    multiple=True,
    help="Temperature rule or number; may be given again.  [default: none, njs and hns]",
)
@click.option("--surrogate", type=options.SURROGATE, help="Gradient of sign and round.  [default: identity]")
@click.option("--batches", type=click.IntRange(min=5), default=50, show_default=True, help="Maxima that are fitted.")
@click.option("--draws", type=click.IntRange(min=1), default=20, show_default=True, help="Points for each maximum.")
@click.option("--targets", type=click.IntRange(min=1), default=3, show_default=True, help="Likeliest other classes.")
@click.option(
    "--radius-l1", type=options.LENGTH, help="Radius of the L1 ball in the [0,1] image.  [default: 0.05 a pixel]"
)
@click.option("--radius-l2", type=options.LENGTH, help="Radius of the L2 ball.  [default: sqrt(pixels / 300)]")
@click.option("--radius-linf", type=options.LENGTH, help="Radius of the L-inf ball.  [default: 0.1]")
@options.model_options
@options.serving_option
@options.run_options
@options.output_options
def command(model: Path, betas: tuple[Beta, ...], surrogate: Surrogate | None, **values: Any) -> int:
    """Estimate how far the nearest adversarial image of each image of MODEL is, by the gradients around it.

    The scores are meant as lower bounds, and rest on the very gradients that a temperature brings back: where they fall
    with njs or hns, they were too high without.
    """
    check_output(values["output"])
    with waiting("loading", values["quiet"]):
        from bnnaudit.audit.open import open_model_and_data
        from bnnaudit.audit.threads import computing_with
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.config.card import parse_settings, settings_for
        from bnnaudit.measurements.clever import run_clever
        from bnnaudit.reports.table import json_text
        from bnnaudit.reports.terminal.clever import clever_to_json, render_clever

        values["samples"] = values["samples"] or SAMPLES
        flags = parse_settings(options.nested_flags({**values, "targets": None}), "command line")
        settings = settings_for(model, flags, Path.cwd(), values["card"])
        opened = open_model_and_data(model, settings)
        usual = usual_radii(opened.sample.images[0].numel())
        wanted = CleverSettings(
            betas=betas or tuple(Beta.parse(rule) for rule in RULES),
            batches=values["batches"],
            draws=values["draws"],
            targets=min(values["targets"], opened.target.facts.num_classes - 1),
            radii={ball: values[f"radius_{ball}"] or usual[ball] for ball in Ball},
        )
    with ProgressBar(values["quiet"]) as progress, computing_with(opened.threads):
        progress.plan(len(opened.sample.ids) * len(Ball))
        progress.task("CLEVER scores")
        report = run_clever(
            opened.target,
            opened.sample,
            wanted,
            surrogate or Surrogate(),
            settings.data.seed or 0,
            opened.batch_size,
            stamp(),
            progress.advance,
        )
    if values["format_name"] == "json":
        deliver_with(lambda page: json_text(clever_to_json(report)), values["output"])
        return 0
    deliver_with(
        lambda page: render_clever(report, width=page.width, color=page.color, ascii=page.ascii), values["output"]
    )
    return 0
