"""Signal propagation against the Jacobians that autograd makes, and networks in which the signal dies at a known place."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.report import PlaceGradient, PlaceRow, SignalTable, Vanishing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.quantization.interception import InterceptedNetwork
from bnnaudit.quantization.quantizers import BinarySign, with_surrogate
from tests.toy import batch_of, small_network, target_of


def measured(network: nn.Module, classes: int = 4, features: int = 6) -> tuple[SignalTable, Target, Batch]:
    target = target_of(network, (features,), classes)
    images = torch.rand(30, features, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    batch = batch_of(target, images)
    table = measure_signal(target, batch, detailed=True)
    assert table is not None
    return table, target, batch


def jacobians(target: Target, batch: Batch) -> Tensor:
    return torch.stack(
        [torch.autograd.functional.jacobian(target.network, image[None])[0, :, 0] for image in batch.images]
    )


def test_the_row_of_the_network_as_it_is_by_hand() -> None:
    table, target, batch = measured(small_network())
    jacobian, row = jacobians(target, batch), table.original
    singular = torch.linalg.svdvals(jacobian)
    psi = torch.softmax(target.network(batch.images), dim=1) - nn.functional.one_hot(batch.labels, 4)
    gradient = (psi[:, None] @ jacobian).squeeze(1)
    assert (row.jsv_mean, row.jsv_std) == pytest.approx((float(singular.mean()), float(singular.std(unbiased=False))))
    assert row.psi_norm == pytest.approx(float(psi.norm(dim=1).mean()))
    assert row.gradient_norm == pytest.approx(float(gradient.norm(dim=1).mean()))
    assert row.sign_norm == pytest.approx(float(gradient.sign().norm(dim=1).mean()))
    assert (row.n, row.beta_median, row.zero_gradient_fraction) == (30, 1.0, 0.0)


def test_njs_brings_the_mean_singular_value_to_1() -> None:
    table, _, _ = measured(small_network())
    assert table.njs.jsv_mean == pytest.approx(1, rel=0.02)


def test_the_curves_are_the_formulas_at_each_b() -> None:
    table, target, batch = measured(small_network())
    curves, jacobian = table.curves, jacobians(target, batch)
    assert curves is not None
    logits, truth = target.network(batch.images), nn.functional.one_hot(batch.labels, 4)
    for index in (0, 30, 50, 80):
        beta = curves.betas[index]
        p = torch.softmax(beta * logits, dim=1)
        form = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
        hessian = beta**2 * jacobian.transpose(1, 2) @ form @ jacobian
        gradient = beta * ((p - truth)[:, None] @ jacobian)
        expected = [
            float((p - truth).norm(dim=1).mean()),
            float((beta * form).flatten(1).norm(dim=1).mean()),
            float(hessian.flatten(1).norm(dim=1).mean()),
            float(gradient.flatten(1).norm(dim=1).mean()),
        ]
        found = [
            curves.psi_norm[index],
            curves.softmax_jacobian_norm[index],
            curves.hessian_norm[index],
            curves.gradient_norm[index],
        ]
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-12)


def test_many_classes_are_estimated() -> None:
    table, target, batch = measured(small_network(features=30, classes=100), classes=100, features=30)
    singular = torch.linalg.svdvals(jacobians(target, batch))
    assert table.original.jsv_mean == pytest.approx(float(singular.mean()), rel=0.15)
    assert table.original.jsv_std == pytest.approx(float(singular.std()), rel=0.25)


def binary(scale: float = 1.0) -> nn.Sequential:
    """Two signs, and logits times `scale`."""
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(6, 16), BinarySign(), nn.Linear(16, 16), BinarySign(), nn.Linear(16, 4)).double()
    with torch.no_grad():
        layers[4].weight.mul_(scale)
    return layers


def test_a_saturated_softmax_kills_it_at_the_logits() -> None:
    table, _, _ = measured(binary(scale=4e4))
    assert [place.name for place in table.places] == ["logits", "3", "1", "input"]
    found = table.vanishing("original")
    assert found is not None
    assert (found.place, found.saturated) == ("logits", True)
    assert table.vanishing("hns") is None


@pytest.mark.parametrize(("blocked", "name"), [(1, "1"), (3, "3")])
def test_a_step_whose_surrogate_blocks_kills_it_there(blocked: int, name: str) -> None:
    network = binary()
    network[blocked].surrogate = Surrogate.parse("clipped:1e-9")
    table, _, _ = measured(network)
    assert table.vanishing("original") == Vanishing(name, 1.0, saturated=False)


def test_gradients_at_a_step_are_those_of_the_rest_of_the_network() -> None:
    network = binary()
    table, _, batch = measured(network)
    below = network[1](network[0](batch.images))
    leaf = network[2](below).detach().requires_grad_()
    logits = network[4](network[3](leaf))
    (gradient,) = torch.autograd.grad(nn.functional.cross_entropy(logits, batch.labels, reduction="sum"), leaf)
    assert table.places[1].original.gradient_norm == pytest.approx(float(gradient.norm(dim=1).mean()))


class Foreign(nn.Module):
    """Calls torch.sign itself, twice in one module, and binarizes its weights as well."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = (nn.Linear(6, 6, dtype=torch.float64) for _ in range(2))
        self.head = nn.Linear(6, 4, dtype=torch.float64)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.sign(nn.functional.linear(x, torch.sign(self.first.weight), self.first.bias))
        return self.head(torch.sign(self.second(x)))


def test_steps_of_foreign_code_are_seen_and_those_of_weights_are_not() -> None:
    table, _, _ = measured(InterceptedNetwork(Foreign(), Surrogate()))
    assert len(table.places) == 4
    assert len({place.name for place in table.places}) == 4
    narrow = measured(with_surrogate(InterceptedNetwork(Foreign(), Surrogate()), Surrogate.parse("clipped:1e-9")))[0]
    assert narrow.vanishing("original") == Vanishing(narrow.places[1].name, 1.0, saturated=False)


def test_no_image_no_table() -> None:
    _, target, batch = measured(small_network())
    assert measure_signal(target, batch.select(slice(0, 0))) is None


def test_without_detail_the_rows_are_the_same() -> None:
    table, target, batch = measured(binary())
    assert measure_signal(target, batch) == replace(table, places=(), curves=None)


@pytest.mark.parametrize(
    ("shares", "place", "lost"),
    [((0.0, 0.1, 0.7, 0.8), 2, 0.6), ((0.6, 0.7, 0.8), 0, 0.6), ((0.0, 0.04, 0.05), None, 0.0), ((), None, 0.0)],
)
def test_the_gradient_vanishes_where_most_images_lose_it(
    shares: tuple[float, ...], place: int | None, lost: float
) -> None:
    table, _, _ = measured(binary())
    rows = tuple(PlaceRow(str(index), *[PlaceGradient(1.0, share)] * 3) for index, share in enumerate(shares))
    found = replace(table, places=rows).vanishing("njs")
    assert (None if found is None else int(found.place)) == place
    assert found is None or found.fraction == pytest.approx(lost)
    assert found is None or found.saturated == (place == 0)
