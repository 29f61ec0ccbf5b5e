"""`bnnaudit reproduce TABLE`: a table or figure of [G22], this run beside the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bnnaudit.cli import options
from bnnaudit.cli.streams import check_output, deliver_with, waiting
from bnnaudit.core.errors import UsageError
from bnnaudit.core.threat import Norm
from bnnaudit.experiments.values import TableName

if TYPE_CHECKING:
    from bnnaudit.experiments.run import Subject

SAMPLES = 100
FOLDER = Path("sample_models")
SAMPLE_MODELS = ("digits-ref.onnx", "digits-bnn-wq.onnx", "digits-bnn-waq.onnx", "digits-ref-at.onnx")
FIGURE_SHARES = (0.25, 0.5, 1.0)
"""Radii of a figure as shares of the model's own, where none are given."""


@click.command("reproduce", short_help="Make a table of the paper again.")
@click.argument("table", metavar="TABLE", type=options.choice(TableName))
@click.option(
    "--model",
    "models",
    type=options.PATH,
    multiple=True,
    help="Network to run it on; may be given again.  [default: those in ./sample_models]",
)
@options.data_options(SAMPLES)
@click.option("--norm", type=options.choice(Norm), help="Norm of the perturbation.  [default: linf]")
@click.option(
    "--eps",
    "radii",
    type=options.LENGTH,
    multiple=True,
    help="Radius in the [0,1] image: 8/255, 8px or 0.03; figure2 takes several.  [default: the model's card, 8/255]",
)
@options.model_options
@options.serving_option
@options.run_options
@options.output_options
def command(table: str, models: tuple[Path, ...], radii: tuple[float, ...], **values: Any) -> int:
    """Run an experiment of Gupta & Ajanthan (AAAI 2022) on networks of yours and print it beside the paper's figures.

    \b
    table5   PGD and FGSM with DLR loss against PGD++ and FGSM++
    table8   APGD and the Square Attack against PGD++
    table10  DeepFool and Brendel & Bethge's attack against PGD++
    table11  CLEVER scores without and with a temperature
    table13  signal propagation without and with a temperature
    figure2  IPROP against PGD++ at several radii; needs a fully connected --model

    Gradients go straight through sign and round, as in the paper; rows that name a surrogate are this tool's own.
    """
    check_output(values["output"])
    name = TableName(table)
    if len(radii) > 1 and name is not TableName.FIGURE2:
        raise UsageError(f"eps: {name} has one radius, and {len(radii)} are given; only figure2 takes several")
    paths = models or default_models(name)
    with waiting("loading", values["quiet"]):
        from bnnaudit.cli.progress import ProgressBar
        from bnnaudit.cli.stamp import stamp
        from bnnaudit.experiments.run import planned_units, reproduce_on
        from bnnaudit.experiments.table import EXPERIMENTS
        from bnnaudit.experiments.values import Reproduction
        from bnnaudit.reports.table import json_text
        from bnnaudit.reports.terminal.reproduction import render_reproduction, reproduction_to_json

        experiment = EXPERIMENTS[name]
        subjects = [subject_of(path, name, radii, values) for path in paths]
    with ProgressBar(values["quiet"]) as progress:
        progress.plan(sum(planned_units(experiment, len(one.sample.ids), len(one.threats)) for one in subjects))
        found = tuple(reproduce_on(experiment, subject, progress) for subject in subjects)
    reproduction = Reproduction(name, experiment, found, (), *stamp())
    if values["format_name"] == "json":
        deliver_with(lambda page: json_text(reproduction_to_json(reproduction)), values["output"])
        return 0
    deliver_with(
        lambda page: render_reproduction(reproduction, width=page.width, color=page.color, ascii=page.ascii),
        values["output"],
    )
    return 0


def default_models(name: TableName) -> tuple[Path, ...]:
    """The sample networks in the current folder; raises UsageError where there are none, or the table needs another kind."""
    if name is TableName.FIGURE2:
        raise UsageError("model: figure2 is about fully connected networks, and no sample model is one; give --model")
    found = tuple(FOLDER / model for model in SAMPLE_MODELS if (FOLDER / model).is_file())
    if not found:
        raise UsageError(f"model: there are no sample networks in ./{FOLDER}; name networks with --model")
    return found


def subject_of(model: Path, name: TableName, radii: tuple[float, ...], values: Mapping[str, Any]) -> Subject:
    """One model with its data and radii, by its own card and the flags."""
    from dataclasses import replace

    from bnnaudit.audit.open import open_model_and_data, threat_of
    from bnnaudit.config.card import parse_settings, settings_for
    from bnnaudit.experiments.run import Subject

    eps = radii[0] if radii else None
    samples = values["samples"] or SAMPLES
    flags = parse_settings(options.nested_flags({**values, "samples": samples, "eps": eps}), "command line")
    settings = settings_for(model, flags, Path.cwd(), values["card"])
    opened = open_model_and_data(model, settings)
    threat = threat_of(settings, opened.target.facts)
    if name is not TableName.FIGURE2:
        shown: tuple[float, ...] = (threat.eps,)
    else:
        shown = radii or tuple(share * threat.eps for share in FIGURE_SHARES)
    threats = tuple(replace(threat, eps=eps) for eps in shown)
    batch_size = opened.batch_size
    return Subject(opened.target, opened.sample, threats, settings.data.seed or 0, batch_size, opened.threads)
