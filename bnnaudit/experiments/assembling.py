"""From the rows of single models to a table: what the paper measured, which of its networks are missing, how this run differs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from bnnaudit.core.reproduction import (
    MissingNetwork,
    PaperFigure,
    ReproducedModel,
    ReproducedTable,
    TableName,
)
from bnnaudit.experiments.lines import FOOLBOX_STEPS, PAPER_RESTARTS
from bnnaudit.experiments.measured import SCORED, TIMED
from bnnaudit.experiments.paper import PaperNetwork, PaperTable, paper
from bnnaudit.experiments.plan import PANELS
from bnnaudit.experiments.row_names import row_name
from bnnaudit.measurements.propagation import PROBED


def assembled(name: TableName, models: Sequence[ReproducedModel], restarts: int) -> ReproducedTable:
    """The table of these models; restarts: of the row that has many."""
    table = paper().tables[name]
    here = {model.against for model in models}
    return ReproducedTable(
        name=name,
        title=table.title,
        measured_on=table.measured_on,
        unit=table.unit,
        panels=PANELS.get(name, ()),
        models=tuple(models),
        missing=tuple(_missing(table, each) for each in table.networks if each.network not in here),
        notes=tuple(NOTES[name](restarts)) if name in NOTES else (),
    )


def _missing(table: PaperTable, each: PaperNetwork) -> MissingNetwork:
    figures = [PaperFigure(key, row_name(table.name, key), figure) for key, figure in each.figures.items()]
    return MissingNetwork(each.network, tuple(figures))


def _restarts(restarts: int) -> list[str]:
    return (
        []
        if restarts == PAPER_RESTARTS
        else [f"The paper's column has {PAPER_RESTARTS} random starts, this run {restarts}."]
    )


def _square(_: int) -> list[str]:
    return ["Square: 5,000 queries, as is usual; the paper names no number. APGD: as many steps as PGD."]


def _foolbox(_: int) -> list[str]:
    return [f"DeepFool and B&B: {FOOLBOX_STEPS} steps; the paper names 100-1000 for Foolbox's."]


def _plain(_: int) -> list[str]:
    return [
        "The error signal is computed in plain single precision, as the paper's was: that is what a small rho starves."
    ]


NOTES: Mapping[TableName, Callable[[int], list[str]]] = {
    TableName.TABLE1: _restarts,
    TableName.TABLE4: _foolbox,
    TableName.TABLE5: _square,
    TableName.TABLE7: lambda _: [
        f"Medians of {TIMED} images at most, on this machine; what is common to all images is fitted before."
    ],
    TableName.TABLE8: _square,
    TableName.TABLE10: _foolbox,
    TableName.TABLE11: lambda _: [
        f"Means of {SCORED} images at most, in the paper's ball for its data, else in one that fits the size of the images. "
        "In units of the [0,1] image: the estimated safe distance."
    ],
    TableName.TABLE13: lambda _: [f"Means of {PROBED} correctly classified images at most."],
    TableName.TABLE14: _plain,
    TableName.FIGURE1: lambda _: ["All numbers of iterations are read off the longest run."],
    TableName.FIGURE4: lambda _: [f"Means of {PROBED} correctly classified images at most, in double precision."],
    TableName.FIGURE5: lambda _: [
        f"Means of {PROBED} correctly classified images at most, in the network's own precision."
    ],
}
