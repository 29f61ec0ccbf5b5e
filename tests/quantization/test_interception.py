"""Calls of sign and round in foreign code: values untouched, gradients by hand, in every mode of differentiation."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.quantization.interception import InterceptedNetwork
from bnnaudit.quantization.quantizers import Rounding, named_quantizers, with_surrogate

IDENTITY = Surrogate()
CLIPPED = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)
ADAPTIVE = Surrogate.usual(SurrogateKind.TRIANGULAR, 0.5)

Function = Callable[[Tensor], Tensor]


class Calls(nn.Module):
    """A module whose forward is one function."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, values: Tensor) -> Tensor:
        return self.function(values)


def in_place(name: str) -> Function:
    def call(values: Tensor) -> Tensor:
        copy = values * 1
        returned = getattr(copy, name)()
        assert returned is copy
        return copy

    return call


SIGNS: dict[str, Function] = {
    "torch.sign": torch.sign,
    "torch.sign(input=)": lambda values: torch.sign(input=values),
    "Tensor.sign": lambda values: values.sign(),
    "torch.sgn": torch.sgn,
    "Tensor.sign_": in_place("sign_"),
    "Tensor.sgn_": in_place("sgn_"),
}
ROUNDS: dict[str, Function] = {
    "torch.round": torch.round,
    "torch.round(decimals=)": lambda values: torch.round(values, decimals=1),
    "Tensor.floor": lambda values: values.floor(),
    "torch.ceil": torch.ceil,
    "torch.trunc": torch.trunc,
    "torch.fix": torch.fix,
    "Tensor.round_": in_place("round_"),
    "Tensor.floor_": in_place("floor_"),
    "Tensor.ceil_": in_place("ceil_"),
    "torch.floor_": lambda values: torch.floor_(values * 1),
}
VALUES = torch.tensor([[-1.6, -0.4, 0.0, 0.3], [2.5, 0.9, -0.2, 1.2]])


def slope(values: Tensor, surrogate: Surrogate) -> Tensor:
    """The surrogate's derivative, written out."""
    match surrogate.kind:
        case SurrogateKind.IDENTITY:
            return torch.ones_like(values)
        case SurrogateKind.CLIPPED:
            return (values.abs() <= surrogate.width).float()
        case SurrogateKind.TRIANGULAR:
            width = surrogate.width * values.abs().mean(dim=1, keepdim=True)
            return (1 - values.abs() / width).clamp_min(0)


@pytest.mark.parametrize("surrogate", [IDENTITY, CLIPPED, ADAPTIVE], ids=str)
@pytest.mark.parametrize("name", SIGNS)
def test_signs_keep_their_values_and_get_the_surrogates_gradient(name: str, surrogate: Surrogate) -> None:
    network = InterceptedNetwork(Calls(SIGNS[name]), surrogate)
    values = VALUES.clone().requires_grad_()
    result = network(values)
    assert result.equal(torch.sign(VALUES))
    (gradient,) = torch.autograd.grad(result, values, torch.full_like(VALUES, 3.0))
    assert torch.allclose(gradient, 3 * slope(VALUES, surrogate))


@pytest.mark.parametrize("name", ROUNDS)
def test_rounds_keep_their_values_and_are_straight_through(name: str) -> None:
    network = InterceptedNetwork(Calls(ROUNDS[name]), CLIPPED)
    values = VALUES.clone().requires_grad_()
    result = network(values)
    with torch.no_grad():
        assert result.equal(ROUNDS[name](VALUES))
    (gradient,) = torch.autograd.grad(result, values, torch.full_like(VALUES, 3.0))
    assert gradient.equal(torch.full_like(VALUES, 3.0))


def test_heaviside_has_half_the_slope_of_a_sign() -> None:
    at_zero = torch.tensor(0.3)
    network = InterceptedNetwork(Calls(lambda values: torch.heaviside(values, at_zero)), CLIPPED)
    values = VALUES.clone().requires_grad_()
    result = network(values)
    assert result.equal(torch.heaviside(VALUES, at_zero))
    (gradient,) = torch.autograd.grad(result.sum(), values)
    assert gradient.equal(slope(VALUES, CLIPPED) / 2)


class UserNetwork(nn.Module):
    """sign(x W^T) V^T, as users write it."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = nn.Parameter(torch.randn((5, 4), generator=generator), requires_grad=False)
        self.second = nn.Parameter(torch.randn((3, 5), generator=generator), requires_grad=False)

    def forward(self, values: Tensor) -> Tensor:
        return torch.sign(values @ self.first.T) @ self.second.T


def jacobian_by_hand(network: UserNetwork, values: Tensor, surrogate: Surrogate) -> Tensor:
    """(N, 3, 4): V diag(slope(W x)) W for each image."""
    slopes = slope(values @ network.first.T, surrogate)
    return torch.einsum("ko,no,oi->nki", network.second, slopes, network.first)


@pytest.mark.parametrize("surrogate", [IDENTITY, CLIPPED, ADAPTIVE], ids=str)
def test_every_mode_of_differentiation_gives_the_jacobian_by_hand(surrogate: Surrogate) -> None:
    user = UserNetwork()
    network = InterceptedNetwork(user, surrogate)
    expected = jacobian_by_hand(user, VALUES, surrogate)

    def one(image: Tensor) -> Tensor:
        return network(image[None])[0]

    assert torch.allclose(torch.func.vmap(torch.func.jacrev(one))(VALUES), expected, atol=1e-6)
    assert torch.allclose(torch.func.vmap(torch.func.jacfwd(one))(VALUES), expected, atol=1e-6)
    tangent = torch.ones_like(VALUES)
    _, pushed = torch.func.jvp(network, (VALUES,), (tangent,))
    assert torch.allclose(pushed, torch.einsum("nki,ni->nk", expected, tangent), atol=1e-6)
    _, pull = torch.func.vjp(network, VALUES)
    (pulled,) = pull(torch.ones(2, 3))
    assert torch.allclose(pulled, expected.sum(dim=1), atol=1e-6)
    values = VALUES.clone().requires_grad_()
    rows = torch.eye(3)[:, None].expand(3, 2, 3)
    (batched,) = torch.autograd.grad(network(values), values, rows, is_grads_batched=True)
    assert torch.allclose(batched.transpose(0, 1), expected, atol=1e-6)


def test_without_gradients_nothing_is_changed() -> None:
    network = InterceptedNetwork(UserNetwork(), ADAPTIVE)
    with torch.no_grad():
        result = network(VALUES)
    assert result.equal(network.module(VALUES))
    assert not result.requires_grad


def test_with_surrogate_reaches_the_interception_and_leaves_the_original() -> None:
    network = InterceptedNetwork(UserNetwork(), IDENTITY)
    twin = with_surrogate(network, CLIPPED)
    values = VALUES.clone().requires_grad_()
    for each, surrogate in ((network, IDENTITY), (twin, CLIPPED)):
        (gradient,) = torch.autograd.grad(each(values).sum(), values)
        assert torch.allclose(gradient, jacobian_by_hand(network.module, VALUES, surrogate).sum(dim=1), atol=1e-6)
    assert next(twin.parameters()).data_ptr() == next(network.parameters()).data_ptr()
    assert list(named_quantizers(twin)) == []


class OwnEstimator(torch.autograd.Function):
    """sign with the gradient 7 of its author."""

    @staticmethod
    def forward(ctx: object, values: Tensor) -> Tensor:
        return torch.sign(values)

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return 7 * gradient


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda values: OwnEstimator.apply(values), 7.0),
        (lambda values: values * 5 + (torch.sign(values) - values * 5).detach(), 5.0),
        (Rounding(), 1.0),
    ],
    ids=["autograd.Function", "detach", "our quantizer"],
)
def test_estimators_that_are_there_already_keep_their_gradient(function: Function, expected: float) -> None:
    network = InterceptedNetwork(Calls(function), CLIPPED)
    values = VALUES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(network(values).sum(), values)
    assert gradient.equal(torch.full_like(VALUES, expected))


def test_whole_numbers_and_outside_code_are_not_touched() -> None:
    counts = torch.tensor([[3, -2]])
    network = InterceptedNetwork(Calls(lambda values: values * torch.sign(counts)), CLIPPED)
    assert network(torch.tensor([[2.0, 2.0]])).tolist() == [[2.0, -2.0]]
    values = VALUES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(torch.sign(values).sum(), values)
    assert not gradient.any()


@pytest.mark.parametrize(
    "softmax",
    [
        nn.Softmax(dim=1),
        nn.LogSoftmax(dim=-1),
        lambda values: torch.softmax(values, dim=1),
        lambda values: values.log_softmax(1),
    ],
    ids=["Softmax", "LogSoftmax", "torch.softmax", "Tensor.log_softmax"],
)
def test_the_last_softmax_is_taken_off_however_it_is_called(softmax: Function) -> None:
    network = InterceptedNetwork(Calls(lambda values: softmax(values * 1000)), IDENTITY, removes_softmax=True)
    assert network(VALUES).equal(VALUES * 1000)


def test_a_softmax_inside_the_network_stays() -> None:
    network = InterceptedNetwork(Calls(lambda values: torch.softmax(values, dim=1) * 2), IDENTITY, removes_softmax=True)
    assert network(VALUES).equal(torch.softmax(VALUES, dim=1) * 2)
