"""Each view computes what the network computes, and takes one cause of failing attacks away."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.attack import Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source
from bnnaudit.measurements.cured_models import CureUnavailableError, cured_model, dead_layers
from tests.networks.broken import ForeignForward, HardRounding, Scale, Wall, killed
from tests.toy import batch_of, target_of

PLAN = AuditPlan(Threat(Norm.LINF, 0.1), Pgd(), 8, False)
IMAGES = torch.rand(12, 8, generator=torch.Generator().manual_seed(1))


def made(*front: nn.Module, behind: tuple[nn.Module, ...] = ()) -> tuple[Target, Batch]:
    torch.manual_seed(3)
    target = target_of(nn.Sequential(*front, nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4), *behind), (8,), 4)
    return target, batch_of(target, IMAGES)


def gradient(target: Target, batch: Batch) -> Tensor:
    points = batch.images.clone().requires_grad_()
    (result,) = torch.autograd.grad(target.logits(points)[:, 0].sum(), points)
    return result


def test_float64_computes_the_same_in_double_precision() -> None:
    target, batch = made()
    logits = cured_model(target, Source.FLOAT64, PLAN, batch).logits(batch.images)
    assert logits.dtype is torch.float64
    torch.testing.assert_close(logits.float(), target.logits(batch.images))
    assert next(target.network.parameters()).dtype is torch.float32


def test_float64_is_refused_where_the_network_has_a_dtype_of_its_own() -> None:
    class Stubborn(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values.float()

    target, batch = made(behind=(Stubborn(),))
    with pytest.raises(CureUnavailableError, match="float32"):
        cured_model(target, Source.FLOAT64, PLAN, batch)


def test_the_logarithm_undoes_a_softmax_up_to_a_constant_for_each_image() -> None:
    target, batch = made()
    softened, _ = made(behind=(nn.Softmax(dim=1),))
    difference = cured_model(softened, Source.LOGARITHM, PLAN, batch).logits(batch.images) - target.logits(batch.images)
    torch.testing.assert_close(difference, difference[:, :1].expand_as(difference), atol=1e-5, rtol=0)


class Functional(nn.Module):
    """A softmax that is a call of the network's own code."""

    def forward(self, values: Tensor) -> Tensor:
        return torch.softmax(values, dim=1)


class ByHand(nn.Module):
    """A softmax that nobody can take for one."""

    def forward(self, values: Tensor) -> Tensor:
        powers = (values - values.amax(dim=1, keepdim=True)).exp()
        return powers / powers.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("softmax", [nn.Softmax(dim=1), nn.Softmax(dim=-1), Functional()])
def test_a_softmax_that_underflows_is_looked_through(softmax: nn.Module) -> None:
    """At a gap of 2,000 the probabilities are 0 and 1 even in double precision; the logits are there all the same."""
    target, batch = made(behind=(Scale(5000.0),))
    softened, _ = made(behind=(Scale(5000.0), softmax))
    view = cured_model(softened, Source.LOGARITHM, PLAN, batch)
    assert torch.equal(view.logits(batch.images), target.logits(batch.images))
    assert not gradient(softened, batch).any()
    assert bool(gradient(view, batch).any(dim=1).all())


def test_a_softmax_by_hand_has_its_logarithm_taken_in_double_precision() -> None:
    target, batch = made(behind=(Scale(500.0),))
    softened, _ = made(behind=(Scale(500.0), ByHand()))
    view = cured_model(softened, Source.LOGARITHM, PLAN, batch)
    difference = view.logits(batch.images) - target.logits(batch.images).double()
    torch.testing.assert_close(difference, difference[:, :1].expand_as(difference), atol=1e-2, rtol=0)
    assert float(softened.logits(batch.images).amin()) == 0


def test_behind_a_softmax_the_bridge_leads_to_its_input() -> None:
    target, batch = made(Wall(), behind=(Scale(5000.0), nn.Softmax(dim=1)))
    plan = replace(PLAN, suspicions=frozenset({Suspicion.PROBABILITIES, Suspicion.BLOCKED}))
    assert bool(gradient(cured_model(target, Source.BRIDGED, plan, batch), batch).any(dim=1).all())


def test_the_average_of_a_linear_network_is_itself_on_the_mean_copy_whatever_the_batch() -> None:
    torch.manual_seed(0)
    target = target_of(nn.Linear(8, 4), (8,), 4)
    batch = batch_of(target, IMAGES)
    view = cured_model(target, Source.AVERAGED, PLAN, batch)
    whole, alone = view.logits(batch.images), view.logits(batch.images[5:6])
    torch.testing.assert_close(whole[5:6], alone)
    shift = whole - target.logits(batch.images)
    torch.testing.assert_close(shift, shift[:1].expand_as(shift), atol=1e-5, rtol=0)
    assert 0 < float(shift.abs().max()) < 0.1


@pytest.mark.parametrize("wall", [Wall(), HardRounding(9)])
def test_the_bridge_leads_over_what_blocks_the_gradient(wall: nn.Module) -> None:
    target, batch = made(wall)
    view = cured_model(target, Source.BRIDGED, PLAN, batch)
    assert torch.equal(view.logits(batch.images), target.logits(batch.images))
    assert not gradient(target, batch).any()
    assert bool(gradient(view, batch).any(dim=1).all())


def test_the_bridge_over_an_identity_is_its_true_gradient() -> None:
    plain, batch = made()
    walled, _ = made(Wall())
    torch.testing.assert_close(
        gradient(cured_model(walled, Source.BRIDGED, PLAN, batch), batch), gradient(plain, batch)
    )


def test_the_bridge_leads_over_a_hand_written_function_that_no_module_stands_for() -> None:
    plain, batch = made()
    foreign = target_of(ForeignForward(plain.network, 1, killed), (8,), 4)
    view = cured_model(foreign, Source.BRIDGED, PLAN, batch)
    assert torch.equal(view.logits(batch.images), plain.logits(batch.images))
    assert not gradient(foreign, batch).any()
    torch.testing.assert_close(gradient(view, batch), gradient(plain, batch))


def test_only_the_layers_that_kill_it_are_bridged() -> None:
    target, batch = made(Scale(2.0), Wall())
    assert dead_layers(target, batch) == ("1",)


def test_what_cannot_be_bridged_is_refused_with_the_reason() -> None:
    class Cut(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values.detach()[:, :4]

    torch.manual_seed(0)
    target = target_of(nn.Sequential(nn.Linear(8, 6), Cut()), (8,), 4)
    with pytest.raises(CureUnavailableError, match="bridged"):
        cured_model(target, Source.BRIDGED, PLAN, batch_of(target, IMAGES))
