"""`bnnaudit reproduce TABLE`: tables and figures of [Gupta & Ajanthan 2022], this run beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli import options, paths, values
from bnnaudit.cli.command import Options, command, option
from bnnaudit.cli.delivery import failing_into_files, write
from bnnaudit.cli.models_at_hand import at_hand
from bnnaudit.cli.reproduction_run import Asked, run_on
from bnnaudit.cli.session import provenance, settle
from bnnaudit.cli.values import Count
from bnnaudit.core.errors import UsageError
from bnnaudit.core.reproduction import Reproduction, TableName
from bnnaudit.experiments.lines import PAPER_RESTARTS

FOLDER = Path("sample_models")
ALL = "all"
Wanted = StrEnum("Wanted", [*((name.name, name.value) for name in TableName), ("ALL", ALL)])  # type: ignore[misc]
"""The tables, or all of them; as an enumeration, so that the message about a missing argument lists its choices."""
TableArgument = Annotated[
    Wanted,
    typer.Argument(
        help="Table or figure to reproduce, or all.",
        rich_help_panel="Model",
        **vars(values.choice(Wanted, "TABLE", Wanted)),
    ),
]


class NetworksOptions(Options, panel="Model"):
    """Which networks."""

    models: list[paths.Model] | None = option(
        "Network to run, whatever its kind; can be repeated.", "those of --models", flags="--model"
    )
    folders: list[paths.ModelsFolder] | None = option(
        "Folder of networks with cards, from which each table takes those it is about; can be repeated.",
        "./sample_models, unless --model names some",
        flags="--models",
    )
    substitute: paths.Substitute | None = option(
        "Float network whose adversarial images Figure 1 tries on the others.",
        "of the same architecture and data",
        "substitute.model",
    )


class RadiiOptions(Options, panel="Threat"):
    """What an adversary may change."""

    radii: list[values.Length] | None = option(
        "L-inf radius in units of the [0,1] image: 8/255, 8px or 0.03; can be repeated for figure2.",
        "the paper's for its data, else that of the model's card",
        flags="--eps",
    )


class RepeatsOptions(Options, panel="Attack"):
    """How often."""

    restarts: Count = option(
        "Random starts of the row of Table 1 that has many, which takes most of its time; fewer are cheaper.",
        value=PAPER_RESTARTS,
    )


class FiguresOutput(options.Reproduced):
    """Where the tables and the pictures go."""

    figures: paths.FiguresFolder | None = option(
        "Also draw each figure, as FIGURE-MODEL.svg in this folder, which is created if missing."
    )


@command(
    "bnnaudit reproduce table2 --models nets --samples 1000 --report table2.md --report table2.csv",
    "bnnaudit reproduce all --output reproduction.html --figures figures",
)
def reproduce(
    table: TableArgument,
    networks: NetworksOptions,
    network: options.Deployed,
    data: options.FewerImages,
    threat: RadiiOptions,
    repeats: RepeatsOptions,
    run: options.Run,
    output: FiguresOutput,
) -> int:
    """Reproduce tables and figures of "Improved Gradient-Based Adversarial Attacks for Quantized Networks" on your networks.

    The results are shown beside the figures of the paper (Gupta & Ajanthan, AAAI 2022), with whether each of its claims holds.

    \b
    table1    PGD with 1 and with 20 random starts
    table2    FGSM and PGD against FGSM++ and PGD++: binary weights
    table3    the same: float networks, binary weights and activations
    table4    the same, a fixed temperature, DeepFool, B&B: adversarially trained
    table5    DLR loss, APGD and the Square Attack against PGD++
    table7    time of one step for one image
    table8    APGD and the Square Attack against PGD++
    table9    table3 on CIFAR-100
    table10   DeepFool and Brendel & Bethge's attack against PGD++
    table11   CLEVER scores without and with a temperature
    table12   PGD++ (NJS) against rho
    table13   signal propagation without and with a temperature
    table14   PGD++ by Proposition 1 alone against rho
    figure1   iterations, radius, transfer from the float twin
    figure2   IPROP against PGD++ at several radii: fully connected networks
    figure3   accuracy against the step size
    figure4   error signal and curvature against the temperature
    figure5   input gradient and its sign against the temperature
    all       all of them, with what they share run once

    A card's [training] table says what a network is; without it the kind is found from the file. The paper's settings hold for
    its data sets, those of the card elsewhere. The paper used 10,000 images; --samples 1000 gives figures worth comparing.
    """
    asked = Asked(_names(table), tuple(threat.radii or ()), repeats.restarts)
    if len(asked.radii) > 1 and asked.names != (TableName.FIGURE2,):
        raise UsageError(
            f"eps: {table} takes one radius, but {len(asked.radii)} were given; only figure2 takes several"
        )
    with failing_into_files(output, str(table), provenance()):
        folders = networks.folders or ([] if networks.models else [_default_folder()])
        limits = options.Threat(eps=asked.radii[0] if asked.radii else None)
        models = at_hand(
            networks.models or (),
            folders,
            lambda path: settle(path, network, networks, data, limits, run, output),
        )
        document = run_on(asked, models, output)
    code = write(document, output)
    if output.figures is not None:
        _draw(document, output.figures)
    return code


def _names(table: Wanted) -> tuple[TableName, ...]:
    return tuple(TableName) if table == ALL else (TableName(table),)


def _default_folder() -> Path:
    """The sample networks in the current folder; raises UsageError where there is none."""
    if not FOLDER.is_dir():
        raise UsageError(f"models: there are no sample networks in ./{FOLDER}; name a folder with --models, or --model")
    return FOLDER


def _draw(document: Reproduction, folder: Path) -> None:
    """A picture of each figure for each model; of models of one name the second and later are numbered."""
    from bnnaudit.cli.streams import deliver
    from bnnaudit.reports.figure_svg import figure_svg

    folder.mkdir(parents=True, exist_ok=True)
    for table in document.tables:
        drawn = [model for model in table.models if table.panels and any(row.x is not None for row in model.rows)]
        for model, name in zip(drawn, distinct([Path(model.path).stem for model in drawn]), strict=True):
            deliver(figure_svg(table, model), folder / f"{table.name}-{name}.svg")


def distinct(names: Sequence[str]) -> list[str]:
    """The names, of which a second and later one of a kind gets the first number that makes it no other's."""
    taken: set[str] = set(names)
    seen: set[str] = set()
    found = []
    for name in names:
        numbered = (f"{name}-{number}" for number in count(2))
        one = next(each for each in numbered if each not in taken) if name in seen else name
        seen.add(name)
        taken.add(one)
        found.append(one)
    return found
