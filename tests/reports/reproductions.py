"""A reproduced table, as `reproduce` would make it."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.experiments.claims import claims_of
from bnnaudit.experiments.table import EXPERIMENTS
from bnnaudit.experiments.values import (
    AttackTable,
    NetworkKind,
    ReproducedModel,
    ReproducedRow,
    Reproduction,
    TableName,
)

IMAGES = 200


def reproduction(facts: ModelFacts, name: TableName = TableName.TABLE8) -> Reproduction:
    """A table of attacks, each of which leaves one image less than the one before."""
    table = EXPERIMENTS[name]
    assert isinstance(table, AttackTable)
    rows = []
    for index, line in enumerate(table.lines):
        left = IMAGES - index
        standing = (tuple(image < left for image in range(IMAGES)),)
        cell = Estimate(left / IMAGES, 0.941, 1.0, IMAGES)
        rows.append(ReproducedRow("", (cell,), line.paper[2:4], 1234.5, line.settings, standing=standing))
    model = ReproducedModel(
        facts,
        DataFacts("digits-test.npz", IMAGES, "0" * 64),
        Threat(Norm.LINF, 0.2),
        NetworkKind.BNN_WAQ,
        Estimate(1.0, 0.981, 1.0, IMAGES),
        ("accuracy",),
        ("ResNet-18", "VGG-16"),
        tuple(rows),
    )
    judged = replace(model, claims=claims_of(table, model))
    made = Provenance("0.1.0", "2024-05-04T10:20:30+00:00", "reproduce")
    return Reproduction(name, table, (judged,), (), made)
