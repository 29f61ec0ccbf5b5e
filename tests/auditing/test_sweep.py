"""Sweeps: what is read off a long run is what the short run gives, and settings that an attack lacks are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bnnaudit.auditing.prepare import Prepared, prepare
from bnnaudit.auditing.sweep import SweepRequest, check_sweep, run_sweep
from bnnaudit.auditing.trials import run_trial
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Fgsm, LossKind, Pgd, Square
from bnnaudit.core.errors import UsageError
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Report
from bnnaudit.core.sweep import Parameter, parse_values, usual_values
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from tests.toy import small_network, target_of

THREAT = Threat(Norm.LINF, 0.1)
PROVENANCE = Provenance("0", "2024-01-01T00:00:00+00:00", "sweep")


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    target = target_of(small_network(scale=0.7).float(), (6,), 4)
    images = torch.rand(60, 6, generator=torch.Generator().manual_seed(3))
    return prepare(target, Sample(images, None, torch.arange(60), DataFacts("toy", 60, "0" * 64, False)), 0, 32)


def accuracies(report: Report) -> list[float]:
    return [point.accuracy.value for point in report.sweeps[0].points]


def one_at_a_time(prepared: Prepared, request: SweepRequest) -> list[float]:
    return [float(run_trial(prepared.inputs, trial)[0].standing.mean()) for trial in request.trials]


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        (Parameter.ITERATIONS, (1, 2, 3, 5, 9)),
        (Parameter.RESTARTS, (1, 2, 4)),
        (Parameter.RADIUS, (0.0, 0.05, 0.1)),
        (Parameter.STEP_SIZE, (0.01, 0.05)),
        (Parameter.BETA, (0.01, 1.0)),
        (Parameter.RHO, (0.01, 0.2)),
    ],
)
@pytest.mark.parametrize("restarts", [1, 2])
def test_each_point_is_a_run_of_its_own(
    prepared: Prepared, parameter: Parameter, values: tuple[float, ...], restarts: int
) -> None:
    attack = Pgd(steps=4, step_size=0.02, restarts=restarts)
    request = SweepRequest(parameter, values, attack, THREAT)
    told: list[int] = []
    report = run_sweep(prepared, request, PROVENANCE, told.append)
    assert accuracies(report) == one_at_a_time(prepared, request)
    assert len(set(accuracies(report))) > 1 or parameter in (Parameter.BETA, Parameter.RHO)
    if restarts == 1 and parameter is not Parameter.RESTARTS:
        assert sum(told) == 60 * request.image_steps()
    assert len(report.attacks) == (1 if parameter is Parameter.ITERATIONS and restarts == 1 else len(values))


def test_the_intervals_are_wilson_s(prepared: Prepared) -> None:
    report = run_sweep(prepared, SweepRequest(Parameter.RADIUS, (0.05,), Pgd(steps=3), THREAT), PROVENANCE)
    (point,) = report.sweeps[0].points
    count, p, z = 60, point.accuracy.value, 1.959963984540054
    centre = (p + z * z / 2 / count) / (1 + z * z / count)
    half = z / (1 + z * z / count) * (p * (1 - p) / count + z * z / 4 / count**2) ** 0.5
    assert (point.accuracy.low, point.accuracy.high) == pytest.approx((centre - half, centre + half))


def test_a_targeted_loss_is_never_read_off(prepared: Prepared) -> None:
    attack = Pgd(loss=LossKind.MARGIN_TARGETED, targets=2)
    assert not SweepRequest(Parameter.ITERATIONS, (1, 2), attack, THREAT).one_run


def test_rho_goes_into_the_attack_s_temperature(prepared: Prepared) -> None:
    report = run_sweep(prepared, SweepRequest(Parameter.RHO, (0.02, 0.3), Pgd(steps=2), THREAT), PROVENANCE)
    assert [str(row.settings.beta) for row in report.attacks] == ["njs:0.02", "njs:0.3"]
    assert report.sweeps[0].attack == "pgd++ with njs"


@pytest.mark.parametrize(
    ("parameter", "attack", "word"),
    [
        (Parameter.ITERATIONS, Fgsm(), "iterations"),
        (Parameter.BETA, Pgd(beta=Beta(BetaRule.HNS)), "--beta hns"),
        (Parameter.RHO, Pgd(beta=Beta(BetaRule.TRACKED)), "--beta tracked"),
        (Parameter.BETA, Square(), "does not depend on beta"),
    ],
)
def test_what_an_attack_does_not_have_is_refused(parameter: Parameter, attack: AttackSettings, word: str) -> None:
    with pytest.raises(UsageError, match=word):
        check_sweep(SweepRequest(parameter, (1,), attack, THREAT))


def test_values_are_read_in_the_unit_of_their_setting() -> None:
    assert parse_values(Parameter.ITERATIONS, "10,1,2,2") == (1, 2, 10)
    assert parse_values(Parameter.RADIUS, "8px,0,4/255") == pytest.approx((0, 4 / 255, 8 / 255))
    assert parse_values(Parameter.BETA, "1,1e-3") == (0.001, 1)


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        (Parameter.ITERATIONS, "1.5"),
        (Parameter.ITERATIONS, "0"),
        (Parameter.RESTARTS, "-1"),
        (Parameter.STEP_SIZE, "0"),
        (Parameter.RADIUS, "big"),
        (Parameter.BETA, "inf"),
        (Parameter.BETA, ""),
        (Parameter.RHO, "1"),
    ],
)
def test_values_that_do_not_fit_are_refused(parameter: Parameter, text: str) -> None:
    with pytest.raises(UsageError, match="values"):
        parse_values(parameter, text)


@pytest.mark.parametrize("parameter", list(Parameter))
@pytest.mark.parametrize("norm", list(Norm))
def test_the_usual_values_are_ones_that_could_be_typed(parameter: Parameter, norm: Norm) -> None:
    values = usual_values(parameter, replace(THREAT, norm=norm, eps=0.5))
    assert values == tuple(sorted(set(values)))
    assert parse_values(parameter, ",".join(map(str, values))) == pytest.approx(values)


def test_a_sweep_uses_the_same_trials_as_attack_does() -> None:
    request = SweepRequest(Parameter.RADIUS, (0.2,), Pgd(), THREAT)
    assert request.trials == (Trial(Pgd(), replace(THREAT, eps=0.2)),)
