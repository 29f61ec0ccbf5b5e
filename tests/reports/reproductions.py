"""The paper's tables made again, as `reproduce` would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Environment
from bnnaudit.core.reproduction import (
    Mark,
    Network,
    ReproducedModel,
    ReproducedRow,
    Reproduction,
    TableName,
    UnableModel,
    Unit,
)
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.experiments.assembling import assembled
from bnnaudit.experiments.claims import claims_of
from bnnaudit.experiments.found import Found, share_of
from bnnaudit.experiments.networks import counterpart, nearest, unlike
from bnnaudit.experiments.paper import paper
from bnnaudit.experiments.plan import Setup, attack_facts, attack_rows
from bnnaudit.experiments.row_names import CLEAN, row_name
from bnnaudit.experiments.sizes import attack_sizes

IMAGES = 200
COPY = Network("vgg16", "CIFAR-10 (JPEG copy)", "BNN-WAQ", width=16)
OWN = Network("cnn", "digits", "BNN-WAQ", "ste")
MADE = Provenance("0.1.0", "2024-05-04T10:20:30+00:00", "bnnaudit reproduce table8")


def found_of(name: TableName, network: Network) -> Found:
    """Attacks each of which leaves one image less than the one before; other quantities that grow from row to row."""
    table = paper().tables[name]
    setup = Setup(attack_sizes(network.data, Norm.LINF, 0.2, 64), Threat(Norm.LINF, 0.2), 20, quantized=True)
    rows: list[ReproducedRow] = []
    values: dict[str, NDArray[Any]] = {}
    if CLEAN in table.rows:
        rows.append(ReproducedRow(CLEAN, row_name(name, CLEAN), cell=Estimate(1.0, 0.981, 1.0, IMAGES)))
    for index, planned in enumerate(attack_rows(table, setup)):
        values[planned.key] = np.arange(IMAGES) < IMAGES - index
        rows.append(
            ReproducedRow(
                planned.key,
                planned.name,
                cell=share_of(values[planned.key]),
                panel=planned.panel,
                series=planned.series,
                x=planned.x,
                at=planned.at,
                attack=attack_facts(planned.trial),
                seconds=1234.5,
            )
        )
    for index, key in enumerate(() if rows else table.rows):
        values[key] = np.full(IMAGES, 0.5 + index)
        rows.append(ReproducedRow(key, row_name(name, key), number=0.5 + index))
    if not rows:
        for panel, series in enumerate(("||psi||", "||dp/da||", "||d²l/dx²||")):
            for index in range(81):
                at = f"{10 ** (index / 20 - 3):.3g}"
                value = 1 - index / 80 if panel == 0 else 0.17 * np.exp(-(((index - 50) / 12) ** 2))
                rows.append(
                    ReproducedRow(
                        f"{series} b={at}", f"{series} at b = {at}", number=float(value), panel=panel, series=series,
                        x=float(at), at=at,
                    )
                )  # fmt: skip
    return Found(tuple(rows), values, (Mark("b = 1", 1.0), Mark("NJS", 0.2)))


def model_of(name: TableName, network: Network, path: str = "nets/bnn-waq.onnx") -> ReproducedModel:
    """A model of the table."""
    table, found = paper().tables[name], found_of(name, network)
    against = counterpart(network, table)
    figures = {} if against is None else against.figures
    rows = tuple(replace(row, paper=figures.get(row.key, "")) for row in found.rows)
    return ReproducedModel(
        path=path,
        sha256="0" * 64,
        network=network,
        source="digits-test.npz",
        data_sha256="1" * 64,
        samples=IMAGES,
        clean=Estimate(1.0, 0.981, 1.0, IMAGES),
        threats=attack_sizes(network.data, Norm.LINF, 0.2, 64).words({"linf"}),
        against=None if against is None else against.network,
        unlike=() if against is None else unlike(network, against.network),
        nearest=nearest(network, table) if against is None else None,
        rows=rows,
        claims=claims_of(name, network, Found(rows, found.values)),
        marks=found.marks if table.name.is_figure and table.unit is Unit.NUMBER else (),
    )


def reproduction(*names: TableName) -> Reproduction:
    """Tables (by default Table 8) of a network like one of the paper's and of one unlike; a third could not be run."""
    tables = [
        assembled(name, [model_of(name, COPY), model_of(name, OWN, "nets/own.onnx")], restarts=20)
        for name in names or (TableName.TABLE8,)
    ]
    environment = Environment("3.11.2", "2.7.0", "1.22.0", "cpu", 1)
    unable = (UnableModel("nets/gone.onnx", "data: there is no `images.npz`"),)
    return Reproduction(MADE, paper().source, environment, tuple(tables), unable, 75.25)
