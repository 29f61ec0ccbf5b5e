"""Tables and figures on tiny networks: each runs, its rows are what attacks themselves leave, what is shared is run once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bnnaudit.auditing.prepare import with_substitute
from bnnaudit.auditing.trials import run_trial
from bnnaudit.core.errors import UsageError
from bnnaudit.core.progress import Silence
from bnnaudit.core.reproduction import Network, ReproducedModel, TableName
from bnnaudit.core.trial import Trial
from bnnaudit.experiments import model_run
from bnnaudit.experiments.assembling import assembled
from bnnaudit.experiments.measured import MEASURES
from bnnaudit.experiments.model_run import NO_TWIN, ModelRun
from bnnaudit.experiments.paper import paper
from bnnaudit.experiments.plan import attack_rows
from bnnaudit.experiments.run import planned_units, reproduce_on
from tests.experiments.models import DIGITS, binary, linear, run_of
from tests.toy import target_of

LIKE_THE_PAPER = Network("vgg16", "CIFAR-10 (JPEG copy)", "BNN-WAQ", width=16)
SLOW = {TableName.FIGURE2}
"""Its `auto` spends a budget however small the network is; it has a test of its own."""


class Counting(Silence):
    """Adds up what it is told."""

    def __init__(self) -> None:
        self.units = 0

    def advance(self, units: int) -> None:
        self.units += units


@pytest.fixture(scope="module")
def everything() -> tuple[dict[TableName, ReproducedModel], ModelRun, Counting]:
    told = Counting()
    run = run_of(binary(), progress=told)
    return {name: reproduce_on(name, run) for name in TableName if name not in SLOW}, run, told


@pytest.mark.parametrize("name", [name for name in TableName if name not in SLOW])
def test_every_table_and_figure_runs(
    name: TableName, everything: tuple[dict[TableName, ReproducedModel], ModelRun, Counting]
) -> None:
    model = everything[0][name]
    assert (model.network, model.samples, model.clean.value) == (DIGITS, 12, 1)
    keys = [row.key for row in model.rows]
    assert len(set(keys)) == len(keys)
    assert set(paper().tables[name].rows) <= set(keys)
    for row in model.rows:
        transferred = row.key.startswith("transfer")
        assert (row.value is None) == bool(row.unable)
        assert not row.unable or transferred or "Foolbox" in row.unable or "foolbox" in row.unable, row
        assert (row.attack is not None) == ((name not in MEASURES and row.key != "clean") or name is TableName.TABLE7)
        assert row.paper == ""
    assert model.against is None
    assert model.nearest is not None
    assert all(claim.statement for claim in model.claims)


def test_progress_comes_to_what_was_planned(
    everything: tuple[dict[TableName, ReproducedModel], ModelRun, Counting],
) -> None:
    made, run, told = everything
    assert told.units == planned_units(list(made), run)


@pytest.mark.parametrize("name", [TableName.TABLE2, TableName.TABLE12, TableName.FIGURE3])
def test_a_row_is_what_its_attack_leaves(
    name: TableName, everything: tuple[dict[TableName, ReproducedModel], ModelRun, Counting]
) -> None:
    made, run, _ = everything
    rows = {row.key: row for row in made[name].rows}
    for planned in attack_rows(paper().tables[name], run.setup):
        result, _ = run_trial(run.prepared.inputs, planned.trial)
        assert rows[planned.key].value == result.standing.mean()


def test_a_point_of_the_curve_of_iterations_is_what_so_many_steps_leave(
    everything: tuple[dict[TableName, ReproducedModel], ModelRun, Counting],
) -> None:
    made, run, _ = everything
    rows = {row.key: row for row in made[TableName.FIGURE1].rows}
    for planned in attack_rows(paper().tables[TableName.FIGURE1], run.setup):
        if planned.after is not None:
            settings = replace(planned.trial.attack, steps=planned.after)  # type: ignore[call-arg]
            result, _ = run_trial(run.prepared.inputs, Trial(settings, planned.trial.threat))
            assert rows[planned.key].value == result.standing.mean()


def test_what_tables_share_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[Trial] = []

    def counted(inputs: object, trial: Trial, **rest: object) -> object:
        ran.append(trial)
        return run_trial(inputs, trial, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(model_run, "run_trial", counted)
    run = run_of(binary(), count=4)
    for name in (TableName.TABLE1, TableName.TABLE2, TableName.TABLE3, TableName.TABLE12, TableName.FIGURE3):
        reproduce_on(name, run)
    assert len(set(ran)) == len(ran)
    assert len(ran) == 4 + 6 + 0 + 5 + 10


def test_figure_2_has_a_curve_for_each_attack_and_says_what_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The linear network has no signs for IPROP; `auto` gets few gradients here."""
    run = run_of(linear(), count=3, radii=(0.0, 0.6))
    made = reproduce_on(TableName.FIGURE2, run)
    rows = {(row.series, row.at): row for row in made.rows}
    assert {at for _, at in rows} == {"0", "0.6"}
    assert all(rows[series, "0"].value == 1 for series in ("PGD", "PGD++ NJS", "auto"))
    assert rows["IPROP", "0"].unable


def test_where_no_image_is_right_nothing_is_measured_and_it_is_said() -> None:
    run = run_of(linear(), count=4)
    run.prepared.inputs.clean.zero_()
    for name in (TableName.TABLE7, TableName.TABLE11, TableName.TABLE13, TableName.FIGURE4, TableName.FIGURE5):
        made = reproduce_on(name, run)
        assert {row.unable for row in made.rows} == {"no image is classified correctly"}
        assert all(claim.why for claim in made.claims)


def test_what_cannot_run_is_a_row_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent() -> None:
        raise UsageError("method: bba needs Foolbox, which is not installed")

    monkeypatch.setattr("bnnaudit.attacks.boundary.bba._foolbox", absent)
    told = Counting()
    run = run_of(linear(), progress=told)
    made = reproduce_on(TableName.TABLE10, run)
    rows = {row.key: row for row in made.rows}
    assert "needs Foolbox" in rows.pop("bba").unable
    assert all(row.value is not None for row in rows.values())
    assert told.units == planned_units([TableName.TABLE10], run)


def test_the_paper_s_figures_stand_beside_a_network_like_its_own() -> None:
    made = reproduce_on(TableName.TABLE8, run_of(binary(), LIKE_THE_PAPER, count=4))
    papers = paper().tables[TableName.TABLE8].networks[2]
    assert made.against == papers.network
    assert made.unlike == ("its first layer has 16 channels", "its data are a JPEG copy")
    assert made.nearest is None
    assert made.threats == "L-inf 8/255, step 2/255, 20 steps (Table 6)"
    figures = {row.key: row.paper for row in made.rows}
    assert figures == {**papers.figures, "pgd++ hns narrowing": ""}


def test_rows_for_comparison_have_the_figures_of_other_tables() -> None:
    made = reproduce_on(TableName.TABLE1, run_of(binary(), LIKE_THE_PAPER, count=4))
    third = next(
        each
        for each in paper().tables[TableName.TABLE3].networks
        if (each.network.kind, each.network.architecture) == ("BNN-WAQ", "VGG-16")
    )
    figures = {row.key: row.paper for row in made.rows}
    assert figures["pgd++ njs"] == third.figures["pgd++ njs"]
    assert figures["pgd 20 starts"] == paper().tables[TableName.TABLE1].networks[5].figures["pgd 20 starts"]


def test_images_of_the_float_twin_are_tried_on_the_network() -> None:
    run = run_of(binary())
    alone = {row.key: row for row in reproduce_on(TableName.FIGURE1, run).rows}
    assert alone["transfer radius=1"].unable == NO_TWIN
    itself = run_of(binary())
    itself.prepared = replace(itself.prepared, inputs=with_substitute(itself.prepared.inputs, lambda _: binary()))
    itself.twin = "twin.onnx"
    rows = {row.key: row for row in reproduce_on(TableName.FIGURE1, itself).rows}
    assert rows["transfer radius=4"].unable == ""
    assert rows["transfer radius=4"].value is not None
    assert rows["transfer radius=4"].value <= rows["transfer radius=0.25"].value  # type: ignore[operator]
    assert rows["transfer radius=1"].attack is not None
    assert rows["transfer radius=1"].attack.source == "substitute"


def test_a_table_lists_the_paper_s_networks_that_are_missing() -> None:
    made = [reproduce_on(TableName.TABLE8, run_of(binary(), LIKE_THE_PAPER, count=2))]
    table = assembled(TableName.TABLE8, made, restarts=20)
    networks = paper().tables[TableName.TABLE8].networks
    assert [each.network for each in table.missing] == [each.network for each in networks[:2]]
    assert [[figure.paper for figure in each.figures] for each in table.missing] == [
        list(each.figures.values()) for each in networks[:2]
    ]
    assert [figure.name for figure in table.missing[0].figures] == ["APGD DLR", "Square", "PGD++ NJS", "PGD++ HNS"]
    nothing = assembled(TableName.TABLE8, [], restarts=20)
    assert len(nothing.missing) == 3
    assert any("20 random starts, this run 3" in note for note in assembled(TableName.TABLE1, [], 3).notes)
    assert assembled(TableName.TABLE1, [], 20).notes == ()


def test_scores_stand_under_their_rules() -> None:
    made = reproduce_on(TableName.TABLE11, run_of(linear(), count=3))
    assert [row.name for row in made.rows] == ["b = 1", "b = 0.01", "NJS", "HNS"]
    assert all(row.cell is not None and row.cell.low < row.cell.value < row.cell.high for row in made.rows)
    single = reproduce_on(TableName.TABLE11, run_of(linear(), count=1))
    assert all(row.cell is None and row.number is not None for row in single.rows)


def test_times_are_of_each_attack_on_single_images() -> None:
    made = reproduce_on(TableName.TABLE7, run_of(linear(), count=5))
    assert all(row.cell is not None and 0 < row.cell.low <= row.cell.value <= row.cell.high < 5 for row in made.rows)
    assert [row.cell.n for row in made.rows if row.cell] == [5, 5, 5]


def test_the_signs_of_the_gradient_vanish_where_plain_arithmetic_makes_zeros() -> None:
    """Logits 1,000 times as far apart leave the signal exact zeros at b = 10, and all four signs at a small b."""
    network = torch.nn.Linear(4, 3)
    with torch.no_grad():
        network.weight.copy_(1000 * linear().network.weight)  # type: ignore[operator, union-attr]
        network.bias.zero_()
    made = reproduce_on(TableName.FIGURE5, run_of(target_of(network, (4,), 3), count=6))
    signs = [row for row in made.rows if row.series == "||sign(dl/dx)||"]
    assert signs[0].value == pytest.approx(2.0)
    assert signs[-1].value is not None
    assert signs[-1].value < 0.5
    assert signs[0].x is not None
    assert np.all(np.diff([row.x for row in signs if row.x]) > 0)
    assert {mark.name for mark in made.marks} == {"b = 1", "NJS", "HNS"}
