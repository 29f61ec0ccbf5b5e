"""The binarization test on networks where the planted point is within reach, and where it is not."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.attacks.table import METHODS
from bnnaudit.auditing.run import is_settled
from bnnaudit.core.attack import Method, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.measurements.attack_strength import (
    fit_head,
    measure_binarization,
    plant,
    points_inside,
    project_simplex,
    surface_points,
)
from bnnaudit.measurements.last_layer import NoLastLayerError, TwoClassHead, features_at, last_affine_layer
from bnnaudit.quantization.zero_gradient import with_zero_gradient
from tests.networks.broken import ForeignForward, Scale, Wall
from tests.toy import batch_of, target_of

FEATURES = 32
PLAN = AuditPlan(Threat(Norm.LINF, 0.1), Pgd(), FEATURES, False)
IMAGES = 0.2 + 0.6 * torch.rand(8, FEATURES, generator=torch.Generator().manual_seed(1))


def network(*front: nn.Module, behind: tuple[nn.Module, ...] = ()) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(*front, nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 4), *behind)


def found(module: nn.Module) -> dict[str, int]:
    """How many of the twelve planted images each attack finds."""
    target = target_of(module, (FEATURES,), 4)
    test = measure_binarization(target, batch_of(target, IMAGES), PLAN, is_settled)
    assert (test.images, test.unfit) == (8, 0)
    return dict(test.found)


def test_a_healthy_network_passes() -> None:
    counts = found(network())
    assert counts["pgd"] == counts["pgd++"] == 8
    assert counts["random search"] < 8
    assert set(counts) == {"pgd", "pgd++", "random search"} | ({"auto"} if Method.AUTO in METHODS else set())


def test_more_images_are_tested_until_the_strength_of_auto_is_settled() -> None:
    """All found: 8 images are enough. A wall: none found, plain after 8. Half found: open, so all 30 at hand are taken."""
    many = IMAGES.repeat(4, 1)[:30] + 0.01 * torch.rand(30, FEATURES, generator=torch.Generator().manual_seed(2))
    target = target_of(network(), (FEATURES,), 4)
    assert measure_binarization(target, batch_of(target, many), PLAN, is_settled).images == 8
    assert not is_settled(7, {"auto": 7})
    assert is_settled(8, {"auto": 8})
    assert is_settled(8, {"auto": 0})
    assert not is_settled(30, {"auto": 23})
    assert is_settled(8, {})


def test_pgd_fails_on_saturated_logits_and_a_temperature_cures_it() -> None:
    """The head takes over the scale of the model's logits, and with it what blinds the attack."""
    counts = found(network(behind=(Scale(1e6),)))
    assert counts["pgd"] <= 3
    assert counts["pgd++"] == 8


def test_no_gradient_attack_passes_a_wall() -> None:
    counts = found(network(Wall()))
    assert counts["pgd"] == counts["pgd++"] <= 2


@pytest.mark.parametrize("norm", list(Norm))
def test_points_lie_where_they_should(norm: Norm) -> None:
    plan = AuditPlan(Threat(norm, 0.1), Pgd(), FEATURES, False)
    image = Batch(IMAGES[:1], torch.zeros(1, dtype=torch.int64), torch.tensor([7]))
    order = torch.inf if norm is Norm.LINF else 2
    inside = torch.linalg.vector_norm(points_inside(image, plan, 50) - IMAGES[:1], order, dim=1)
    assert float(inside.max()) <= 0.095 + 1e-6
    assert float(inside.max()) > 0.08
    assert len(inside.unique()) > 40
    for corners in (False, True):
        shift = surface_points(image, plan, 20, corners, 0) - IMAGES[:1]
        torch.testing.assert_close(torch.linalg.vector_norm(shift, order, dim=1), torch.full((20,), 0.1))


def test_the_head_is_the_widest_separation() -> None:
    """Two points and one apart from them: the nearest point of their segment is known."""
    features = torch.tensor([[0.0, -1.0], [0.0, 1.0], [3.0, 0.5]], dtype=torch.float64)
    solution = fit_head(features)
    assert solution is not None
    weight, bias = solution
    torch.testing.assert_close(weight, torch.tensor([2 / 3, 0.0], dtype=torch.float64), atol=1e-6, rtol=0)
    torch.testing.assert_close(features @ weight + bias, torch.tensor([-1.0, -1.0, 1.0], dtype=torch.float64))


def test_a_point_among_the_others_has_no_head() -> None:
    assert fit_head(torch.tensor([[0.0], [2.0], [1.0]], dtype=torch.float64)) is None


def test_the_simplex_projection_against_brute_force() -> None:
    grid = torch.cartesian_prod(*[torch.linspace(0, 1, 101)] * 2).double()
    grid = grid[grid.sum(1) <= 1]
    simplex = torch.cat([grid, 1 - grid.sum(1, keepdim=True)], dim=1)
    for values in torch.randn(20, 3, generator=torch.Generator().manual_seed(0)).double():
        nearest = simplex[(simplex - values).square().sum(1).argmin()]
        torch.testing.assert_close(project_simplex(values), nearest, atol=0.011, rtol=0)


def test_the_affine_tail_is_followed_back_to_the_last_curved_layer() -> None:
    target = target_of(network(behind=(Scale(3.0), nn.Linear(4, 4))), (FEATURES,), 4)
    assert last_affine_layer(target, batch_of(target, IMAGES)) == "2"
    given = features_at(target.network, "2", IMAGES)
    torch.testing.assert_close(given, target.network[1](target.network[0](IMAGES)))  # type: ignore[index]


def test_the_head_answers_by_its_sign() -> None:
    module = network()
    head = TwoClassHead(module, "2", torch.ones(64), torch.tensor(-1.0))
    decision = module[1](module[0](IMAGES)).sum(1) - 1
    torch.testing.assert_close(head(IMAGES), torch.stack([-decision, decision], dim=1))


def test_it_says_why_it_cannot_be_run() -> None:
    class Curved(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values.square()

    class Whole(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return values[:, :4] * 2

    curved = target_of(network(behind=(Curved(),)), (FEATURES,), 4)
    with pytest.raises(NoLastLayerError, match="not an affine map"):
        last_affine_layer(curved, batch_of(curved, IMAGES))
    whole = target_of(Whole(), (FEATURES,), 4)
    with pytest.raises(NoLastLayerError, match="no layer"):
        last_affine_layer(whole, batch_of(whole, IMAGES))


def test_an_image_whose_features_do_not_move_takes_no_head() -> None:
    target = target_of(nn.Sequential(Scale(0.0), nn.Linear(FEATURES, 4)), (FEATURES,), 4)
    image = batch_of(target, IMAGES).select(slice(0, 1))
    assert plant(target, "1", image, PLAN, 5) is None


def test_that_no_attack_finds_the_point_behind_a_cut_is_an_answer() -> None:
    """The features of a network that is cut off from autograd have no gradient at all."""
    torch.manual_seed(3)
    layers = nn.Sequential(nn.Linear(FEATURES, 64), nn.ReLU(), nn.Linear(64, 4))
    target = with_zero_gradient(target_of(ForeignForward(layers, 1, Tensor.detach), (FEATURES,), 4), IMAGES)
    test = measure_binarization(target, batch_of(target, IMAGES), PLAN, is_settled)
    counts = test.found
    assert test.images == 8
    assert counts["pgd"] == counts["pgd++"] <= 2
