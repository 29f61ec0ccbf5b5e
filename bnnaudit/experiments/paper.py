"""What [Gupta & Ajanthan 2022] measured, read from `paper.toml`: its tables' figures and the settings of its attacks."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from bnnaudit.core.reproduction import Network, TableName, Unit

DATA = "paper.toml"
_PIXEL = 255


@dataclass(frozen=True, slots=True)
class AttackSize:
    """Radius and step of an attack in units of the [0,1] image, and its steps."""

    eps: float
    step: float
    steps: int


@dataclass(frozen=True, slots=True)
class PaperNetwork:
    """A network of a table, and its figures as the paper prints them, by the keys of the table's rows."""

    network: Network
    figures: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table or figure; a figure has networks but no rows, for the paper draws curves without numbers."""

    name: TableName
    title: str
    measured_on: str
    unit: Unit
    rows: tuple[str, ...]
    networks: tuple[PaperNetwork, ...]


@dataclass(frozen=True, slots=True)
class CleverFacts:
    """How the paper estimated CLEVER scores: radius of the L1 ball, batches, draws in each; its fixed temperature."""

    radius: float
    batches: int
    draws: int
    heuristic: float


@dataclass(frozen=True, slots=True)
class Paper:
    """All that is quoted from the paper. sizes: of Table 6, by data and attack."""

    source: str
    sizes: Mapping[tuple[str, str], AttackSize]
    clever: CleverFacts
    tables: Mapping[TableName, PaperTable]


@cache
def paper() -> Paper:
    """What `paper.toml` holds; lengths in units of the [0,1] image."""
    values = tomllib.loads(files(__package__).joinpath(DATA).read_text(encoding="utf-8"))
    sizes = {
        (row["data"], row["attack"]): AttackSize(row["eps"] / _PIXEL, row["step"] / _PIXEL, row["steps"])
        for row in values["settings"]
    }
    tables = [_table(entry) for entry in values["table"]]
    return Paper(values["source"], sizes, CleverFacts(**values["clever"]), {table.name: table for table in tables})


def _table(entry: Mapping[str, Any]) -> PaperTable:
    rows = tuple(entry["rows"])
    return PaperTable(
        name=TableName(entry["name"]),
        title=entry["title"],
        measured_on=entry["measured_on"],
        unit=Unit(entry["unit"]),
        rows=rows,
        networks=tuple(_network(network, rows) for network in entry["networks"]),
    )


def _network(entry: Mapping[str, Any], rows: tuple[str, ...]) -> PaperNetwork:
    facts = {key: value for key, value in entry.items() if key != "figures"}
    return PaperNetwork(Network(**facts), dict(zip(rows, entry["figures"].split(), strict=True)))
