"""FAB on linear models, whose nearest adversarial point it must hit in one step."""

from dataclasses import replace

import pytest
import torch

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Fab, LossKind
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.contract import contract_batch
from tests.attacks.linear import BIAS, WEIGHTS, boundary_distance, linear_images
from tests.toy import batch_of, linear_target

FAB = Fab()


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize("loss", [LossKind.CROSS_ENTROPY, LossKind.MARGIN_TARGETED])
def test_a_linear_model_breaks_exactly_within_its_distance(norm: Norm, loss: LossKind) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    threat = Threat(norm, 0.04 if norm is Norm.LINF else 0.08)
    outcome = run_attack(replace(FAB, loss=loss, targets=1), target, batch, threat, seed=0)
    distance = boundary_distance(batch.images, norm)
    assert outcome.fooled[distance < 0.99 * threat.eps].all()
    assert not outcome.fooled[distance > threat.eps].any()
    assert 0 < outcome.fooled.sum() < len(batch)


@pytest.mark.parametrize("norm", list(Norm))
def test_the_first_step_is_the_shortest_with_its_overshoot(norm: Norm) -> None:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images())
    outcome = run_attack(replace(FAB, steps=1), target, batch, Threat(norm, 1.0), seed=0)
    shift = outcome.images - batch.images
    length = shift.abs().amax(1) if norm is Norm.LINF else shift.norm(dim=1)
    assert outcome.fooled.all()
    assert torch.allclose(length, 1.05 * boundary_distance(batch.images, norm), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("norm", list(Norm))
def test_the_box_is_part_of_the_search(norm: Norm) -> None:
    """Two pixels of equal weight, the first at its bound already: the second has to go the whole way."""
    target = linear_target(torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([1.25, 0.0]))
    batch = batch_of(target, torch.tensor([[1.0, 0.05]]))
    assert batch.labels.tolist() == [0]
    assert run_attack(FAB, target, batch, Threat(norm, 0.22), seed=0).fooled.all()
    assert not run_attack(FAB, target, batch, Threat(norm, 0.19), seed=0).fooled.any()


def test_a_targeted_search_costs_one_backward_pass_a_step() -> None:
    target, batch = contract_batch()
    settings = replace(FAB, steps=1, targets=2, loss=LossKind.MARGIN_TARGETED)
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, 1e-6, target.facts.box), seed=0)
    assert not outcome.fooled.any()
    assert outcome.cost.backwards == 2 * len(batch)
    untargeted = run_attack(replace(FAB, steps=1), target, batch, Threat(Norm.LINF, 1e-6, target.facts.box), seed=0)
    assert untargeted.cost.backwards == 2 * len(batch)
