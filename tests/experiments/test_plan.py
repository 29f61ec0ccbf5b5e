"""The attacks behind each table, before anything is run."""

from __future__ import annotations

import pytest

from bnnaudit.core.attack import Beta, BetaRule, ErrorSignal, Fgsm, LossKind, Method, Pgd
from bnnaudit.core.reproduction import TableName
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source
from bnnaudit.experiments.measured import MEASURES
from bnnaudit.experiments.paper import paper
from bnnaudit.experiments.plan import PANELS, PlannedRow, Setup, attack_facts, attack_rows
from bnnaudit.experiments.row_names import CLEAN
from bnnaudit.experiments.sizes import attack_sizes

SETUP = Setup(attack_sizes("CIFAR-10", Norm.LINF, 0.1, 3072), Threat(Norm.LINF, 0.1), 20, quantized=True)


def planned(name: TableName, setup: Setup = SETUP) -> dict[str, PlannedRow]:
    rows = attack_rows(paper().tables[name], setup)
    found = {row.key: row for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("name", list(TableName))
def test_every_row_of_the_paper_is_run(name: TableName) -> None:
    rows = planned(name)
    assert bool(rows) != (name in MEASURES)
    if name not in MEASURES:
        assert set(paper().tables[name].rows) - {CLEAN} <= set(rows)
    assert bool(PANELS.get(name)) == name.is_figure
    assert all((row.x is not None) == name.is_figure for row in rows.values())
    assert {row.panel for row in rows.values()} <= {0, *range(len(PANELS.get(name, ())))}


def test_attacks_have_the_paper_s_settings() -> None:
    rows = planned(TableName.TABLE2)
    linf, l2 = Threat(Norm.LINF, 8 / 255), Threat(Norm.L2, 120 / 255)
    assert rows["fgsm"].trial.attack == Fgsm(step_size=8 / 255)
    assert rows["pgd++ hns"].trial.attack == Pgd(step_size=2 / 255, steps=20, beta=Beta(BetaRule.HNS))
    assert rows["pgd++ njs l2"].trial.attack == Pgd(step_size=15 / 255, steps=20, beta=Beta(BetaRule.NJS))
    assert {key: row.trial.threat for key, row in rows.items()} == {key: l2 if "l2" in key else linf for key in rows}
    rows = planned(TableName.TABLE4)
    assert rows["pgd b=0.1"].trial.attack.beta == Beta(BetaRule.FIXED, 0.1)
    assert planned(TableName.TABLE1)["pgd 20 starts"].trial.attack.restarts == 20
    assert planned(TableName.TABLE5)["fgsm dlr"].trial.attack.loss is LossKind.DLR
    rhos = [row.trial.attack.beta.rho for row in planned(TableName.TABLE12).values()]
    assert rhos == [1e-5, 1e-4, 1e-3, 0.01, 0.1, 0.2]
    bound = planned(TableName.TABLE14)["bound rho=1e-15"].trial.attack
    assert isinstance(bound, Pgd)
    assert (bound.beta, bound.signal) == (Beta(BetaRule.BOUND, rho=1e-15), ErrorSignal.PLAIN)


def test_what_tables_share_is_one_attack() -> None:
    tables = [planned(name) for name in (TableName.TABLE1, TableName.TABLE2, TableName.TABLE5, TableName.TABLE10)]
    for key in ("pgd", "pgd++ njs", "pgd++ hns"):
        assert len({rows[key].trial for rows in tables}) == 1
    figure = planned(TableName.FIGURE1)
    assert figure["pgd radius=1"].trial == tables[0]["pgd"].trial
    assert planned(TableName.FIGURE3)["pgd++ njs step=0.25"].trial == tables[0]["pgd++ njs"].trial


def test_numbers_of_iterations_are_read_off_one_run_and_radii_keep_the_step_in_proportion() -> None:
    rows = planned(TableName.FIGURE1)
    iterations = [row for row in rows.values() if row.panel == 0 and row.series == "PGD"]
    assert len({row.trial for row in iterations}) == 1
    assert [row.after for row in iterations] == [1, 2, 5, 10, 20, 50, 100]
    assert iterations[0].trial.attack.steps == 100
    for row in rows.values():
        if row.panel == 1:
            settings = row.trial.attack
            assert isinstance(settings, Pgd)
            assert settings.step_size == pytest.approx(row.trial.threat.eps / 4)
            transferred = row.key.startswith("transfer")
            assert (row.trial.source is Source.SUBSTITUTE) == transferred
            assert settings.stop_at_success != transferred


def test_figure_2_is_at_the_radii_asked_for() -> None:
    own = Setup(SETUP.sizes, SETUP.threat, 20, quantized=True, radii=(0.01, 0.3))
    assert {row.x for row in planned(TableName.FIGURE2, own).values()} == {0.01, 0.3}
    assert {row.trial.attack.method for row in planned(TableName.FIGURE2).values()} == {
        Method.PGD,
        Method.IPROP,
        Method.AUTO,
    }


def test_a_network_without_steps_has_no_row_of_another_surrogate() -> None:
    plain = Setup(SETUP.sizes, SETUP.threat, 20, quantized=False)
    assert set(planned(TableName.TABLE8)) - set(planned(TableName.TABLE8, plain)) == {"pgd++ hns narrowing"}


def test_an_attack_is_told_in_full() -> None:
    rows = planned(TableName.TABLE8)
    square, ours = attack_facts(rows["square"].trial), attack_facts(rows["pgd++ njs"].trial)
    assert (square.method, square.queries, square.step_size, square.surrogate, square.beta) == (
        "square",
        5000,
        None,
        "",
        "",
    )
    assert (ours.method, ours.beta, ours.loss, ours.norm, ours.eps) == ("pgd", "njs", "ce", "linf", 8 / 255)
    assert (ours.steps, ours.restarts, ours.step_size, ours.surrogate) == (20, 1, 2 / 255, "identity")
