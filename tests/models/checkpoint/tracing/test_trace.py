"""Recording a network: any number of images, networks that go by the numbers, foreign operators, what cannot be had."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.checkpoint.tracing.capture import CaptureError
from bnnaudit.models.checkpoint.tracing.trace import check_agreement, trace

IMAGES = torch.rand((6, 1, 6, 6), generator=torch.Generator().manual_seed(0))
Forward = Callable[["Foreign", Tensor], Tensor]


class Foreign(nn.Module):
    """A small network with a forward pass of one's own."""

    def __init__(self, code: Forward) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.norm = nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4)
        self.last, self.code = nn.Linear(4 * 36, 3), code
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, images: Tensor) -> Tensor:
        """(N, 1, 6, 6) -> (N, 3)."""
        return self.code(self, images)

    def hidden(self, images: Tensor) -> Tensor:
        """(N, 1, 6, 6) -> (N, 4, 6, 6)."""
        result: Tensor = self.norm(self.conv(images))
        return result

    def scores(self, hidden: Tensor) -> Tensor:
        """(N, ...) -> (N, 3)."""
        result: Tensor = self.last(hidden.reshape(len(hidden), -1))
        return result


def foreign(code: Forward) -> nn.Module:
    return Foreign(code).eval().requires_grad_(False)


def small_gradient(network: nn.Module) -> Tensor:
    """Of scores so small that floats of 8 bits cannot hold it."""
    points = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((1e-4 * network(points)).sum(), points)
    return gradient


def has_gradient(network: nn.Module) -> bool:
    points = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(points)[:, 0].sum(), points)
    return bool((gradient.flatten(1).abs().amax(1) > 0).all())


def in_place(net: Foreign, images: Tensor) -> Tensor:
    hidden = net.hidden(images)
    hidden[:, :2] += 1
    hidden[:, 1].sign_()
    hidden.data[:, 2].mul_(0.5)
    return net.scores(F.relu(hidden, inplace=True))


def with_statistics(net: Foreign, images: Tensor) -> Tensor:
    net.seen += 1
    return net.scores(torch.sign(net.hidden(images)))


@torch.inference_mode()
def in_inference_mode(net: Foreign, images: Tensor) -> Tensor:
    return net.scores(torch.sign(net.hidden(images)))


def made_anew(net: Foreign, images: Tensor) -> Tensor:
    hidden = net.hidden(images)
    signs = torch.full(hidden.shape, -1, dtype=torch.int8)
    signs[hidden >= 0] = 1
    return net.scores(signs.float())


@pytest.mark.parametrize("code", [in_place, with_statistics, in_inference_mode, made_anew])
def test_any_number_of_images(code: Forward) -> None:
    network = foreign(code)
    traced = trace(network, IMAGES)
    assert traced.images is None
    for count in (1, 4, 6):
        with torch.no_grad():
            assert torch.equal(traced.network(IMAGES[:count]), network(IMAGES[:count].clone()))
    assert has_gradient(traced.network)


def test_recording_leaves_the_network_as_it_was() -> None:
    network = foreign(with_statistics)
    before = copy.deepcopy(network.state_dict())
    trace(network, IMAGES)
    assert all(torch.equal(before[name], held) for name, held in network.state_dict().items() if name != "seen")


def one_by_one(net: Foreign, images: Tensor) -> Tensor:
    return torch.cat([net.scores(torch.sign(net.hidden(image[None]))) for image in images])


def by_the_numbers(net: Foreign, images: Tensor) -> Tensor:
    if float(images.max()) > 2:
        images = images / 255
    return net.scores(torch.sign(net.hidden(images)).detach())


@pytest.mark.parametrize("code", [one_by_one, by_the_numbers])
def test_one_number_of_images_in_a_loop_where_any_cannot_be_had(code: Forward) -> None:
    network = foreign(code)
    traced = trace(network, IMAGES)
    assert traced.images == 16
    many = IMAGES.repeat(4, 1, 1, 1)[:19]
    assert torch.allclose(traced.network(many), network(many), atol=1e-6)
    assert has_gradient(traced.network)
    assert traced.quantizers


@torch.library.custom_op("bnnaudit_tests::binarize", mutates_args=())
def binarize(values: Tensor) -> Tensor:
    """An operator of somebody's own, of which autograd knows nothing."""
    return torch.where(values > 0.1, 0.7, -0.3)


def test_an_unknown_operator_is_measured() -> None:
    network = foreign(lambda net, images: net.scores(binarize(net.hidden(images))))
    traced = trace(network, IMAGES)
    (step,) = traced.quantizers
    assert (step.op, step.bits) == ("quantize", 1)
    assert torch.equal(traced.network(IMAGES), network(IMAGES))
    assert has_gradient(traced.network)
    (stairs,) = (module for module in traced.network.modules() if hasattr(module, "thresholds"))
    assert float(stairs.thresholds) == pytest.approx(0.1, abs=0.05)
    assert stairs.levels.tolist() == pytest.approx([-0.3, 0.7])


def test_a_codebook_is_measured() -> None:
    levels = torch.tensor([-1.0, -0.2, 0.3, 1.0])

    def code(net: Foreign, images: Tensor) -> Tensor:
        nearest = (net.hidden(images)[..., None] - levels).abs().argmin(dim=-1)
        return net.scores(levels[nearest])

    traced = trace(foreign(code), IMAGES)
    assert [(step.op, step.bits) for step in traced.quantizers] == [("quantize", 2)]
    assert has_gradient(traced.network)


def test_a_table_that_is_looked_up_flat_is_measured_where_its_shape_is_back() -> None:
    def looked_up(net: Foreign, images: Tensor) -> Tensor:
        hidden = net.hidden(images)
        table = torch.tensor([-1.0, 1.0])
        return net.scores(torch.index_select(table, 0, (hidden >= 0).long().flatten()).view_as(hidden))

    traced = trace(foreign(looked_up), IMAGES)
    assert traced.unseen == ()
    assert [step.bits for step in traced.quantizers] == [1]
    assert has_gradient(traced.network)


def test_an_operator_that_is_no_stair_is_named() -> None:
    def code(net: Foreign, images: Tensor) -> Tensor:
        order = net.hidden(images).flatten(1).argsort(dim=1)
        return net.scores(order.float())

    traced = trace(foreign(code), IMAGES)
    assert traced.unseen
    assert not traced.quantizers


def through_numpy(net: Foreign, images: Tensor) -> Tensor:
    return net.scores(torch.from_numpy(np.sign(net.hidden(images).detach().numpy())))


def test_what_leaves_torch_cannot_be_recorded() -> None:
    with pytest.raises(CaptureError, match="it leaves PyTorch for NumPy"):
        trace(foreign(through_numpy), IMAGES)


def test_what_returns_two_things_cannot_be_recorded() -> None:
    with pytest.raises(CaptureError, match="something other than one tensor"):
        trace(foreign(lambda net, images: (net.scores(net.hidden(images)), images)), IMAGES)  # type: ignore[arg-type, return-value]


def test_random_numbers_are_drawn_alike() -> None:
    network = foreign(lambda net, images: net.scores(torch.sign(F.dropout(net.hidden(images), 0.5, training=True))))
    assert trace(network, IMAGES).quantizers


def test_a_last_softmax_is_taken_off() -> None:
    network = foreign(lambda net, images: F.softmax(net.scores(torch.sign(net.hidden(images))) * 1000, dim=1))
    traced = trace(network, IMAGES, removes_softmax=True)
    assert traced.logits
    assert torch.allclose(F.softmax(traced.network(IMAGES), dim=1), network(IMAGES))
    assert float(traced.network(IMAGES).abs().max()) > 100


def test_a_copy_moves_to_another_precision_and_can_be_copied() -> None:
    network = foreign(lambda net, images: net.scores(SIGN(net.hidden(images))))
    traced = copy.deepcopy(trace(network, IMAGES).network).double()
    scores = traced(IMAGES.double())
    assert scores.dtype is torch.float64
    assert torch.allclose(scores.float(), network(IMAGES), atol=1e-5)


def SIGN(values: Tensor) -> Tensor:  # noqa: N802
    return values + ((values >= 0).float() * 2 - 1 - values).detach()


def test_other_scores_are_noticed() -> None:
    network, other = foreign(in_place), foreign(with_statistics)
    with pytest.raises(CaptureError, match="different scores"):
        check_agreement(network, other, IMAGES)


@pytest.mark.parametrize(
    ("code", "op", "bits"),
    [
        (lambda x: torch.round(x.clamp(0, 1) * 3) / 3, "quantize", 2),
        (lambda x: torch.floor(x.clamp(0, 1) * 3 + 0.5) / 3, "quantize", 2),
        (lambda x: (x / 0.3 + (torch.round(x / 0.3) - x / 0.3).detach()).clamp(-8, 7) * 0.3, "quantize", 4),
        (lambda x: torch.max(torch.min(torch.round(x * 4), torch.tensor(3.0)), torch.tensor(-4.0)), "quantize", 3),
        (lambda x: torch.floor(x * 7 + 0.5), "round", None),
        (lambda x: torch.ceil(x * 7), "ceil", None),
        (lambda x: torch.trunc(x * 7), "trunc", None),
        (lambda x: x * 7 - torch.frac(x * 7), "floor", None),
        (lambda x: torch.div(x, 0.2, rounding_mode="floor"), "floor", None),
        (lambda x: (x * 7).int().float(), "truncate", None),
        (lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 3, 0, 15), "quantize", 4),
        (lambda x: torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.5), torch.tensor(1), 0, 3), "quantize", 2),
    ],
)
def test_roundings_become_steps(code: Callable[[Tensor], Tensor], op: str, bits: int | None) -> None:
    network = foreign(lambda net, images: net.scores(code(net.hidden(images))))
    traced = trace(network, IMAGES)
    assert [(step.op, step.bits) for step in traced.quantizers] == [(op, bits)]
    assert torch.equal(traced.network(IMAGES), network(IMAGES))
    assert has_gradient(traced.network)


def test_a_cast_to_floats_of_8_bits_hands_the_gradient_on_whole() -> None:
    network = foreign(lambda net, images: net.scores(net.hidden(images).to(torch.float8_e4m3fn).float()))
    straight = foreign(lambda net, images: net.scores(net.hidden(images)))
    traced = trace(network, IMAGES)
    assert torch.equal(traced.network(IMAGES), network(IMAGES))
    found, wanted = (small_gradient(made) for made in (traced.network, straight))
    assert torch.allclose(found, wanted, rtol=1e-4, atol=0)
    assert [step.op for step in traced.quantizers] == ["round"]


def test_the_gradient_of_a_rounding_is_that_of_what_is_rounded() -> None:
    """LSQ: the gradient passes inside of the grid and stops outside."""
    network = Foreign(lambda net, images: net.scores((lsq(images * 10 - 5)).expand(-1, 4, -1, -1)))
    traced = trace(network.eval().requires_grad_(False), IMAGES)
    points = IMAGES.clone().requires_grad_()
    weights = torch.tensor([1.0, 2.0, 3.0])
    (gradient,) = torch.autograd.grad((traced.network(points) * weights).sum(), points)
    inside = ((IMAGES * 10 - 5) / 0.3 >= -8) & ((IMAGES * 10 - 5) / 0.3 <= 7)
    by_hand = 10 * (weights @ network.last.weight).view(4, 6, 6).sum(0) * inside
    assert torch.allclose(gradient, by_hand, atol=1e-5)
    assert not inside.all()


def lsq(values: Tensor) -> Tensor:
    step = torch.tensor(0.3)
    scaled = (step - step * 0.01).detach() + step * 0.01
    clipped = torch.clamp(values / scaled, -8, 7)
    return ((clipped.round() - clipped).detach() + clipped) * scaled


def test_surrogates_take_part() -> None:
    network = foreign(lambda net, images: net.scores(torch.sign(net.hidden(images))))
    assert {
        type(module.surrogate) for module in trace(network, IMAGES).network.modules() if hasattr(module, "surrogate")
    } == {Surrogate}
