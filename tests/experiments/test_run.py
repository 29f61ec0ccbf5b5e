"""Tables of the paper: they are complete, their models are named rightly, and their rows are what attacks themselves leave."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from bnnaudit.auditing.prepare import prepare
from bnnaudit.auditing.trials import run_trial
from bnnaudit.core.attack import Beta, BetaRule, Method
from bnnaudit.core.clever import Ball
from bnnaudit.core.errors import UsageError
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import FLOAT_BITS, Layout, ModelFacts, ModelFormat, QuantizerFact, layer_bits
from bnnaudit.core.progress import Silence
from bnnaudit.core.report import DataFacts, SignalRow
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.experiments.run import Subject, attacked_row, planned_units, reproduce_on
from bnnaudit.experiments.table import EXPERIMENTS
from bnnaudit.experiments.values import (
    AttackTable,
    CleverTable,
    NetworkKind,
    PropagationTable,
    RadiusFigure,
    TableName,
    kind_of,
)
from tests.toy import linear_target

WEIGHTS = torch.tensor([[3.0, -2.0, 1.0, 0.5], [-3.0, 2.0, -1.0, -0.5], [0.1, 0.2, -0.3, 0.4]])


def subject(count: int = 12, eps: tuple[float, ...] = (0.1,)) -> Subject:
    target = linear_target(WEIGHTS, torch.tensor([0.0, 0.0, -0.2]))
    images = torch.rand(count, 4, generator=torch.Generator().manual_seed(1))
    sample = Sample(images, None, torch.arange(count), DataFacts("toy", count, "0" * 64))
    return Subject(target, sample, tuple(Threat(Norm.LINF, radius) for radius in eps), 0, 8)


def facts(weights: int | None, activations: int | None) -> ModelFacts:
    return ModelFacts(
        "m.onnx",
        "0" * 64,
        ModelFormat.ONNX,
        3,
        (4,),
        Layout.FLAT,
        Box(),
        weight_layers=layer_bits([weights]),
        unknown_steps=activations is None,
        quantizers=() if activations in (None, FLOAT_BITS) else (QuantizerFact("step", "sign", activations),),
    )


def test_every_name_has_its_experiment() -> None:
    assert set(EXPERIMENTS) == set(TableName)


@pytest.mark.parametrize("name", list(TableName))
def test_figures_stand_under_the_networks_they_belong_to(name: TableName) -> None:
    experiment = EXPERIMENTS[name]
    assert experiment.title
    assert experiment.measured_on
    match experiment:
        case AttackTable(columns=columns, lines=lines):
            assert len({(column.kind, column.title) for column in columns}) == len(columns)
            assert len({line.settings for line in lines}) == len(lines)
            for line in lines:
                assert len(line.paper) == len(columns)
                assert all(figure is None or 0 <= figure <= 100 for figure in line.paper)
        case CleverTable(lines=lines):
            for line in lines:
                assert set(line.paper) == {NetworkKind.BNN_WQ, NetworkKind.BNN_WAQ}
        case PropagationTable(lines=lines):
            assert {line.quantity for line in lines} <= {field.name for field in fields(SignalRow)}
        case RadiusFigure(attacks=attacks):
            assert {Method.IPROP, Method.AUTO, Method.PGD} == {settings.method for settings in attacks}


def test_the_paper_s_own_claims_hold_of_the_figures_written_down() -> None:
    """A slip of a column would break them: PGD++ is no weaker than its rivals on quantized networks, CLEVER falls."""
    for name in (TableName.TABLE8, TableName.TABLE10):
        table = EXPERIMENTS[name]
        assert isinstance(table, AttackTable)
        lines = [line for line in table.lines if None not in line.paper]
        best = [line.paper for line in lines if line.settings.beta.rule is not BetaRule.NONE]
        others = [line.paper for line in lines if line.settings.beta.rule is BetaRule.NONE]
        assert len(lines) == len(table.lines) - 1
        for scaled in best:
            for rival in others:
                assert all(mine <= theirs for mine, theirs in zip(scaled, rival, strict=True))  # type: ignore[operator]
    clever = EXPERIMENTS[TableName.TABLE11]
    assert isinstance(clever, CleverTable)
    by_rule = {line.beta: line.paper for line in clever.lines}
    for kind in (NetworkKind.BNN_WQ, NetworkKind.BNN_WAQ):
        plain, fixed = by_rule[Beta()][kind], by_rule[Beta(BetaRule.FIXED, 0.01)][kind]
        assert by_rule[Beta(BetaRule.HNS)][kind] < by_rule[Beta(BetaRule.NJS)][kind] < plain < fixed


@pytest.mark.parametrize(
    ("weights", "activations", "kind"),
    [
        (32, 32, NetworkKind.REF),
        (32, None, NetworkKind.REF),
        (1, 32, NetworkKind.BNN_WQ),
        (1, 1, NetworkKind.BNN_WAQ),
        (2, 4, NetworkKind.BNN_WAQ),
        (32, 1, None),
        (None, None, None),
    ],
)
def test_networks_are_named_by_their_bits(
    weights: int | None, activations: int | None, kind: NetworkKind | None
) -> None:
    assert kind_of(facts(weights, activations)) is kind


def test_a_row_is_what_its_attack_leaves_at_each_radius() -> None:
    at = subject(eps=(0.0, 0.05, 0.6))
    inputs = prepare(at.target, at.sample, at.seed, at.batch_size).inputs
    table = EXPERIMENTS[TableName.TABLE5]
    assert isinstance(table, AttackTable)
    row = attacked_row(table.lines[4].settings, inputs, at.threats, Silence())
    left = [cell.value for cell in row.cells if isinstance(cell, Estimate)]
    for threat, value in zip(at.threats, left, strict=True):
        result, _ = run_trial(inputs, Trial(table.lines[4].settings, threat))
        assert value == result.standing.mean()
    assert left[0] == 1
    assert left == sorted(left, reverse=True)
    assert left[-1] < 0.5


class Counting(Silence):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.units = 0

    def advance(self, units: int) -> None:
        self.units += units


@pytest.mark.parametrize("name", [TableName.TABLE5, TableName.TABLE13])
def test_progress_comes_to_what_was_planned(name: TableName) -> None:
    at, told = subject(), Counting()
    found = reproduce_on(EXPERIMENTS[name], at, told)
    assert told.units == planned_units(EXPERIMENTS[name], 12, 1)
    assert found.clean_accuracy.value == 1
    assert all(len(row.cells) == len(found.columns) for row in found.rows)


def test_what_cannot_run_is_a_row_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise UsageError("method: bba needs Foolbox, which is not installed")

    monkeypatch.setattr("bnnaudit.attacks.boundary.bba._foolbox", absent)
    told = Counting()
    found = reproduce_on(EXPERIMENTS[TableName.TABLE10], subject(), told)
    (row,) = (row for row in found.rows if row.settings is not None and row.settings.method is Method.BRENDEL_BETHGE)
    assert "needs Foolbox" in row.unable
    assert row.cells == ()
    assert all(other.cells for other in found.rows if other is not row)
    assert told.units == planned_units(EXPERIMENTS[TableName.TABLE10], 12, 1)


def test_a_network_without_steps_has_no_row_of_another_surrogate() -> None:
    table = EXPERIMENTS[TableName.TABLE8]
    assert isinstance(table, AttackTable)
    told = Counting()
    found = reproduce_on(replace(table, lines=table.lines[-3:]), subject(), told)
    assert [row.settings for row in found.rows] == [line.settings for line in table.lines[-3:-1]]
    assert told.units == 12 * 20 * 3


def test_scores_stand_under_their_rules() -> None:
    found = reproduce_on(EXPERIMENTS[TableName.TABLE11], subject(3), Silence())
    assert [row.label for row in found.rows] == ["as it is", "b = 0.01", "NJS", "HNS"]
    assert found.columns == ("L1", "L2", "L-inf")
    assert len(found.columns) == len(Ball)
    for row in found.rows:
        assert all(isinstance(cell, float) and cell > 0 for cell in row.cells)
