"""`bnnaudit reproduce TABLE`: a table or figure of [Gupta & Ajanthan 2022], this run beside the paper's figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bnnaudit.cli import options, paths, values
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.session import open_model, provenance, settle
from bnnaudit.core.errors import UsageError
from bnnaudit.core.threat import Norm
from bnnaudit.experiments.values import Reproduction, TableName

if TYPE_CHECKING:
    from bnnaudit.auditing.open import Opened
    from bnnaudit.experiments.run import Subject

FOLDER = Path("sample_models")
SAMPLE_MODELS = ("digits-ref.onnx", "digits-bnn-wq.onnx", "digits-bnn-waq.onnx", "digits-ref-at.onnx")
FIGURE_SHARES = (0.25, 0.5, 1.0)
"""Radii of a figure as shares of the model's own, where none are given; not tuned."""


TableArgument = Annotated[
    TableName,
    typer.Argument(
        help="Table or figure to reproduce.",
        rich_help_panel="Model",
        **vars(values.choice(TableName, "TABLE", TableName)),
    ),
]


class NetworksOptions(Options, panel="Model"):
    """Which networks."""

    models: list[paths.Model] | None = option(
        "Network to run it on; can be repeated.", "those in ./sample_models", flags="--model"
    )


class RadiiOptions(Options, panel="Threat"):
    """What an adversary may change."""

    norm: Norm | None = option("Norm of the perturbation.", "linf")
    radii: list[values.Length] | None = option(
        "Radius in units of the [0,1] image: 8/255, 8px or 0.03; can be repeated for figure2.",
        "that of the model's card, else 8/255",
        flags="--eps",
    )


@command(
    "bnnaudit reproduce table5", "bnnaudit reproduce figure2 --model model.onnx --data images.npz --eps 0.1 --eps 0.2"
)
def reproduce(
    table: TableArgument,
    networks: NetworksOptions,
    network: options.Deployed,
    data: options.FewerImages,
    threat: RadiiOptions,
    run: options.Run,
    output: options.Output,
) -> int:
    """Reproduce an experiment of "Improved Gradient-Based Adversarial Attacks for Quantized Networks" on your networks.

    The results are shown beside the figures of the paper (Gupta & Ajanthan, AAAI 2022), as its submission to ICLR 2021
    gives them.

    \b
    table5   PGD and FGSM with DLR loss against PGD++ and FGSM++
    table8   APGD and the Square Attack against PGD++
    table10  DeepFool and Brendel & Bethge's attack against PGD++
    table11  CLEVER scores without and with a temperature
    table13  signal propagation without and with a temperature
    figure2  IPROP against PGD++ at several radii; needs a fully connected --model

    Gradients go straight through sign and round, as in the paper; rows that name a surrogate are this tool's own.
    """
    radii = tuple(threat.radii or ())
    if len(radii) > 1 and table is not TableName.FIGURE2:
        raise UsageError(f"eps: {table} takes one radius, but {len(radii)} were given; only figure2 takes several")
    with failing_into_files(output, str(table), provenance()):
        models = tuple(networks.models or default_models(table))
        limits = options.Threat(norm=threat.norm, eps=radii[0] if radii else None)
        settled = [settle(path, network, data, limits, run, output) for path in models]
        opened = [open_model(path, settings, output) for path, settings in zip(models, settled, strict=True)]
        from bnnaudit.cli.progress import progress_bar
        from bnnaudit.experiments.run import planned_units, reproduce_on
        from bnnaudit.experiments.table import EXPERIMENTS

        experiment = EXPERIMENTS[table]
        subjects = [subject_of(one, table, radii) for one in opened]
        with progress_bar(output.quiet) as progress:
            progress.plan(sum(planned_units(experiment, len(one.sample.ids), len(one.threats)) for one in subjects))
            found = tuple(reproduce_on(experiment, subject, progress) for subject in subjects)
    return write(Reproduction(table, experiment, found, (), provenance()), output)


def default_models(name: TableName) -> tuple[Path, ...]:
    """The sample networks in the current folder; raises UsageError where there are none, or the table needs another kind."""
    if name is TableName.FIGURE2:
        raise UsageError("model: figure2 is about fully connected networks, and no sample model is one; give --model")
    found = tuple(FOLDER / model for model in SAMPLE_MODELS if (FOLDER / model).is_file())
    if not found:
        raise UsageError(f"model: there are no sample networks in ./{FOLDER}; name networks with --model")
    return found


def subject_of(opened: Opened, name: TableName, radii: tuple[float, ...]) -> Subject:
    """One model with its images, attacked at the radii given, else at its own."""
    from bnnaudit.experiments.run import Subject

    threat = opened.threat
    if name is not TableName.FIGURE2:
        shown: tuple[float, ...] = (threat.eps,)
    else:
        shown = radii or tuple(share * threat.eps for share in FIGURE_SHARES)
    threats = tuple(replace(threat, eps=eps) for eps in shown)
    return Subject(opened.target, opened.sample, threats, opened.seed, opened.batch_size, opened.threads)
