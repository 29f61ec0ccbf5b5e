"""Reproduced tables as text: names of rows are never cut inside a word where the page has room for that."""

from __future__ import annotations

import pytest

from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Estimate
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.experiments.table import EXPERIMENTS
from bnnaudit.experiments.values import (
    AttackTable,
    NetworkKind,
    ReproducedModel,
    ReproducedRow,
    Reproduction,
    TableName,
)
from bnnaudit.reports.terminal.reproduction import render_reproduction


def reproduction(facts: ModelFacts, name: TableName) -> Reproduction:
    table = EXPERIMENTS[name]
    assert isinstance(table, AttackTable)
    rows = [
        ReproducedRow("", (Estimate(1.0, 0.981, 1.0, 200),), line.paper[2:4], 1234.5, line.settings)
        for line in table.lines
    ]
    columns = ("ResNet-18", "VGG-16")
    model = ReproducedModel(
        facts,
        DataFacts("digits-test.npz", 200, "0" * 64),
        Threat(Norm.LINF, 0.2),
        NetworkKind.BNN_WAQ,
        Estimate(1.0, 0.981, 1.0, 200),
        ("accuracy",),
        columns,
        tuple(rows),
    )
    return Reproduction(name, table, (model,), (), Provenance("0.1.0", "2024-05-04T10:20:30+00:00", "reproduce"))


@pytest.mark.parametrize("name", [TableName.TABLE5, TableName.TABLE8])
@pytest.mark.parametrize("width", [80, 120])
def test_every_surrogate_stands_in_one_piece(facts: ModelFacts, name: TableName, width: int) -> None:
    text = render_reproduction(reproduction(facts, name), width=width)
    assert max(map(len, text.splitlines())) <= width
    rows = [line for line in text.splitlines() if "tanh:4..0.5:reach " in line]
    assert len(rows) == 1
    assert rows[0].split()[-2:] == ["-", "-"]
