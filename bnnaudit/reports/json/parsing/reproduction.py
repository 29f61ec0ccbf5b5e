"""The paper's tables and figures, made again, from their JSON."""

from __future__ import annotations

import re

from bnnaudit.core.report import Environment
from bnnaudit.core.reproduction import ReproducedTable, Reproduction, UnableModel
from bnnaudit.reports.json.parsing.node import Node
from bnnaudit.reports.json.parsing.report import read_provenance

_NUMBER = re.compile(r"\d+(\.\d+)?(e[-+]\d+)?")


def read_reproduction(node: Node) -> Reproduction:
    """The inverse of `reproduction_to_json`; differences follow from the figures."""
    tables = []
    for entry in node["tables"].entries():
        for model in entry["models"].entries():
            for row in model["rows"].entries():
                _require_figure(row["paper"], may_be_empty=True)
        for network in entry["missing"].entries():
            for figure in network["figures"].entries():
                _require_figure(figure["paper"], may_be_empty=False)
        tables.append(entry.read(ReproducedTable))
    return Reproduction(
        provenance=read_provenance(node),
        source=node["source"].text(),
        environment=node["environment"].read(Environment),
        tables=tuple(tables),
        unable=tuple(entry.read(UnableModel) for entry in node["unable"].entries()),
        seconds=node["seconds"].finite(),
    )


def _require_figure(node: Node, may_be_empty: bool) -> None:
    """Raises ReportError unless a figure of the paper is a number as it prints them."""
    if not _NUMBER.fullmatch(node.text()) and not (may_be_empty and node.text() == ""):
        raise node.refused("a figure such as 26.98")
