"""Every attack of the table keeps every promise of the contract."""

from dataclasses import replace

import pytest
import torch

from bnnaudit.attacks.table import METHODS, run_attack
from bnnaudit.core.attack import AttackSettings, Method
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.contract import (
    contract_batch,
    contract_settings,
    contract_threats,
    does_nothing_at_radius_zero,
    is_legitimate,
    is_truthful,
    leaves_no_trace,
    repeats,
)

HELPLESS = {Method.DEEPFOOL}
"""Methods that a binary network defeats: DeepFool's linear model of a step function leads nowhere near a boundary."""

CASES = [
    pytest.param(settings, threat, id=f"{settings.name}-{settings.beta}-{settings.loss}-{threat.norm}")
    for settings in contract_settings()
    for threat in contract_threats(settings)
]


@pytest.mark.parametrize(("settings", "threat"), CASES)
def test_contract(settings: AttackSettings, threat: Threat) -> None:
    target, batch = contract_batch()
    outcome = leaves_no_trace(settings, target, batch, threat)
    is_legitimate(outcome, batch, threat)
    is_truthful(outcome, target, batch)
    assert outcome.fooled.any() or settings.method in HELPLESS
    repeats(settings, target, batch, threat, outcome)
    does_nothing_at_radius_zero(settings, target, batch, threat.norm)


@pytest.mark.parametrize(("settings", "threat"), CASES)
def test_progress_is_what_was_announced(settings: AttackSettings, threat: Threat) -> None:
    target, batch = contract_batch()
    heard: list[int] = []
    run_attack(settings, target, batch, threat, seed=1, on_progress=heard.append)
    assert sum(heard) == len(batch) * settings.image_steps
    assert min(heard) >= 0


@pytest.mark.parametrize("settings", contract_settings(), ids=lambda s: f"{s.name}-{s.beta}-{s.loss}")
def test_an_empty_batch_is_no_work(settings: AttackSettings) -> None:
    target, batch = contract_batch()
    threat = contract_threats(settings)[0]
    outcome = run_attack(settings, target, batch.select(slice(0, 0)), threat, seed=0, calibration=batch)
    assert len(outcome.fooled) == 0


@pytest.mark.parametrize(("settings", "threat"), CASES)
def test_what_was_misclassified_counts_as_fooled_from_the_start(settings: AttackSettings, threat: Threat) -> None:
    target, batch = contract_batch()
    wrong = replace(batch, labels=(batch.labels + 1) % 3)
    outcome = run_attack(settings, target, wrong, threat, seed=1, calibration=batch)
    is_legitimate(outcome, wrong, threat)
    is_truthful(outcome, target, wrong)
    still = run_attack(settings, target, wrong, Threat(threat.norm, 0.0, threat.box), seed=1, calibration=batch)
    assert still.fooled.all()
    assert torch.equal(still.images, wrong.images)


@pytest.mark.parametrize("settings", contract_settings(), ids=lambda s: f"{s.name}-{s.beta}-{s.loss}")
def test_l2_per_channel_keeps_each_channel_in_its_ball(settings: AttackSettings) -> None:
    if Norm.L2 not in METHODS[settings.method].norms:
        pytest.skip("not in L2")
    target, batch = contract_batch()
    threat = Threat(Norm.L2, 0.3, target.facts.box, l2_per_channel=True)
    outcome = run_attack(settings, target, batch, threat, seed=1)
    is_truthful(outcome, target, batch)
    channels = (outcome.images - batch.images).flatten(0, 1).flatten(1).norm(dim=1)
    assert (channels <= threat.radius * (1 + 1e-5)).all()
