"""A sign is a sign however it is written: the recorded copy has the network's values and the surrogate's gradient."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import QuantizerFact
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.models.checkpoint.tracing.trace import trace
from bnnaudit.quantization.quantizers import BinarySign, named_quantizers, with_surrogate
from tests.networks.spelled import SPELLINGS, Sign, Spelled

INPUTS = torch.rand((6, 9), generator=torch.Generator().manual_seed(0)) * 2 - 1
TRIANGULAR = Surrogate.usual(SurrogateKind.TRIANGULAR)


def plain() -> nn.Module:
    torch.manual_seed(3)
    layers = [nn.Linear(9, 40), BinarySign(), nn.Linear(40, 30), nn.BatchNorm1d(30), BinarySign(), nn.Linear(30, 4)]
    return nn.Sequential(*layers).eval().requires_grad_(False)


def gradient(network: nn.Module, surrogate: Surrogate, inputs: Tensor = INPUTS) -> Tensor:
    points = inputs.clone().requires_grad_()
    scores: Tensor = with_surrogate(network, surrogate)(points)
    (found,) = torch.autograd.grad((scores * torch.tensor([1.0, -2.0, 0.5, 3.0])).sum(), points)
    return found


@pytest.mark.parametrize("name", [*SPELLINGS, "all under no_grad"])
def test_values_and_gradient_are_those_of_the_step_itself(name: str) -> None:
    network = Spelled(plain(), SPELLINGS.get(name, SPELLINGS["where"]), BinarySign, name == "all under no_grad").eval()
    traced = trace(network, INPUTS)
    for count in (1, 2, 6):
        assert torch.equal(traced.network(INPUTS[:count]), network(INPUTS[:count]))
    for surrogate in (TRIANGULAR, Surrogate(), Surrogate.usual(SurrogateKind.CLIPPED, 1.0)):
        wanted = gradient(plain(), surrogate)
        assert wanted.any()
        assert torch.allclose(gradient(traced.network, surrogate), wanted, rtol=1e-4, atol=1e-6)
    assert len(traced.quantizers) == 2
    assert {step.bits for step in traced.quantizers} == {1}
    assert traced.unseen == ()


@pytest.mark.parametrize("name", [*SPELLINGS, "all under no_grad"])
def test_methods_for_networks_of_signs_take_it(name: str) -> None:
    """They ask for affine maps between two-valued signs, whose rows they flip exactly."""
    network = Spelled(plain(), SPELLINGS.get(name, SPELLINGS["where"]), BinarySign, name == "all under no_grad").eval()
    steps = [step for _, step in named_quantizers(trace(network, INPUTS).network)]
    assert len(steps) == 2
    assert all(isinstance(step, BinarySign) for step in steps)


@pytest.mark.parametrize(
    ("name", "cuts"),
    [
        ("where", {}),
        ("detach trick", {"detach": 2}),
        ("detach trick, tanh", {"detach": 4}),
        ("no_grad", {"no_grad": 2}),
        ("all under no_grad", {"no_grad": 1}),
    ],
)
def test_what_cuts_the_gradient_off_is_counted(name: str, cuts: dict[str, int]) -> None:
    network = Spelled(plain(), SPELLINGS.get(name, SPELLINGS["where"]), BinarySign, name == "all under no_grad").eval()
    assert {cut.op: cut.count for cut in trace(network, INPUTS).cuts} == cuts


class Calls(nn.Module):
    """A function between two layers."""

    def __init__(self, call: Sign) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.last, self.call = nn.Linear(9, 64), nn.Linear(64, 4), call

    def forward(self, values: Tensor) -> Tensor:
        """(N, 9) -> (N, 4)."""
        result: Tensor = self.last(self.call(self.first(values)))
        return result


def relu(values: Tensor) -> Tensor:
    return values * (values > 0)


def relu_by_cast(values: Tensor) -> Tensor:
    return values * (values > 0).float()


def relu_by_choice(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, torch.zeros_like(values))


def leaky(values: Tensor) -> Tensor:
    return torch.where(values > 0, values, 0.1 * values)


def clipped(values: Tensor) -> Tensor:
    return torch.where(values > 1, 1.0, torch.where(values < -1, -1.0, values))


def leaky_by_masks(values: Tensor) -> Tensor:
    below, above = (values <= 0).float(), (values > 0).float()
    return above * values + below * (0.1 * values)


def elu_by_masks(values: Tensor) -> Tensor:
    return values.clamp(min=0) + (values < 0).float() * (torch.exp(values) - 1)


def shrunk(values: Tensor) -> Tensor:
    return values.sign() * torch.relu(values.abs() - 0.2)


def root(values: Tensor) -> Tensor:
    return values.sign() * (values.abs() + 1e-3).sqrt()


@pytest.mark.parametrize("call", [leaky_by_masks, elu_by_masks, shrunk, root, lambda x: x * x.sign()])
@pytest.mark.parametrize("surrogate", [Surrogate(), TRIANGULAR])
def test_masks_of_the_values_themselves_are_no_steps(call: Sign, surrogate: Surrogate) -> None:
    network = Calls(call).eval().requires_grad_(False)
    traced = trace(network, INPUTS)
    assert traced.quantizers == ()
    assert torch.allclose(gradient(traced.network, surrogate), gradient(network, surrogate), atol=1e-6)


@pytest.mark.parametrize("call", [relu, relu_by_cast, relu_by_choice, leaky, clipped, torch.tanh, nn.functional.gelu])
def test_what_is_no_step_keeps_its_own_derivative(call: Sign) -> None:
    network = Calls(call).eval().requires_grad_(False)
    traced = trace(network, INPUTS)
    assert traced.quantizers == ()
    assert torch.allclose(gradient(traced.network, TRIANGULAR), gradient(network, TRIANGULAR), atol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x / x.abs().clamp_min(1e-12),
        lambda x: x / (x.abs() + 1e-8),
        lambda x: x * torch.rsqrt(x * x + 1e-16),
        lambda x: torch.clamp(x * 1e10, -1, 1),
        lambda x: torch.tanh(x * 1e20),
        lambda x: torch.sigmoid(x * 1e20) * 2 - 1,
        lambda x: 2 * torch.relu(torch.sign(x)) - 1,
        lambda x: 2 * torch.clamp(torch.where(x >= 0, 1.0, -1.0), min=0) - 1,
        lambda x: torch.maximum(torch.sign(x), -torch.ones(())),
    ],
)
def test_a_steep_function_or_a_clipped_sign_has_the_gradient_of_the_sign_that_it_is(call: Sign) -> None:
    network, sign = (Calls(made).eval().requires_grad_(False) for made in (call, SPELLINGS["where"]))
    traced = trace(network, INPUTS)
    assert [step.bits for step in traced.quantizers] == [1]
    assert torch.equal(traced.network(INPUTS), network(INPUTS))
    wanted = gradient(trace(sign, INPUTS).network, TRIANGULAR)
    assert torch.allclose(gradient(traced.network, TRIANGULAR), wanted, rtol=1e-3, atol=1e-5)


def test_a_sign_whose_zero_is_taken_for_one_is_understood() -> None:
    def sign(values: Tensor) -> Tensor:
        signs = values.sign()
        return signs + (signs == 0).float()

    traced = trace(Calls(sign).eval(), INPUTS)
    assert traced.unseen == ()
    assert gradient(traced.network, TRIANGULAR).any()


@pytest.mark.parametrize(
    "call", [lambda x: torch.tanh(20 * x), lambda x: torch.clamp(5 * x, -1, 1), nn.functional.relu6]
)
def test_a_function_that_rises_where_values_lie_is_none(call: Sign) -> None:
    network = Calls(call).eval().requires_grad_(False)
    assert trace(network, INPUTS).quantizers == ()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sign() * x.abs().mean(dim=1, keepdim=True),
        lambda x: x.sign() * (x.abs() > 0.3).float(),
        lambda x: x.sign() * (x.abs() + 1),
    ],
)
def test_a_sign_times_what_does_not_vanish_with_its_values_stays_a_step(call: Sign) -> None:
    assert "sign" in [step.op for step in trace(Calls(call).eval(), INPUTS).quantizers]


@pytest.mark.parametrize(
    ("call", "levels"),
    [
        (lambda x: (x > 0.2).float() - (x < -0.2).float(), 3),
        (lambda x: torch.where(x > 0.2, 1.0, torch.where(x < -0.2, -1.0, 0.0)), 3),
        (lambda x: (~(x > 0)).to(x.dtype), 2),
        (lambda x: ((x > 0) & (x < 0.4)).float(), 2),
        (lambda x: (x > x.mean(dim=1, keepdim=True)).float(), 2),
        (lambda x: torch.copysign(torch.ones(()), x), 2),
        (lambda x: x / x.abs(), 2),
        (lambda x: (x.sign() == 1).float(), 2),
        (lambda x: torch.ones_like(x).masked_fill(x < 0, -1.0), 2),
        (lambda x: torch.bucketize(x, torch.tensor([-0.3, 0.0, 0.3])).to(x), 4),
    ],
)
def test_steps_of_other_levels_have_a_gradient(call: Sign, levels: int) -> None:
    network = Calls(call).eval().requires_grad_(False)
    traced = trace(network, INPUTS)
    assert torch.equal(traced.network(INPUTS), network(INPUTS))
    assert len(torch.unique(call(network.first(INPUTS)))) == levels
    assert gradient(traced.network, Surrogate()).any()
    assert traced.unseen == ()


def test_a_gradient_of_zero_behind_the_detach_trick_is_exactly_zero() -> None:
    network = Calls(SPELLINGS["detach trick"]).eval().requires_grad_(False)
    with torch.no_grad():
        network.first.weight.zero_()
        network.first.bias.fill_(5.0)  # far outside of the surrogate's width
    traced = trace(network, INPUTS)
    assert not gradient(traced.network, Surrogate.usual(SurrogateKind.CLIPPED, 1.0)).any()


class Nested(nn.Module):
    """A network of named parts."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.ModuleDict({"first": Calls(SPELLINGS["detach trick"])})
        self.head = nn.Linear(4, 3)

    def forward(self, values: Tensor) -> Tensor:
        """(N, 9) -> (N, 3)."""
        result: Tensor = self.head(torch.sign(self.body["first"](values)))
        return result


def test_steps_and_layers_keep_the_names_of_their_modules() -> None:
    traced = trace(Nested().eval().requires_grad_(False), INPUTS)
    assert traced.quantizers == (QuantizerFact("body.first", "sign", 1), QuantizerFact("forward", "sign", 1))
    names = [name for name, _ in traced.network.named_modules()]
    assert {"body.first.first.linear", "body.first.last.linear", "head.linear"} <= set(names)


class OverwritesItsOwn(nn.Linear):
    """A layer that binarizes what it is given and its weights by writing into both, as the first published code did."""

    def forward(self, values: Tensor) -> Tensor:
        """(N, in) -> (N, out)."""
        if values.shape[1] != 9:
            values.data = values.data.sign()
        if not hasattr(self.weight, "org"):
            self.weight.org = self.weight.data.clone()  # type: ignore[assignment]
        self.weight.data = self.weight.org.sign()  # type: ignore[operator]
        out = nn.functional.linear(values, self.weight)
        out += self.bias.view(1, -1).expand_as(out)
        return out


class Overwriting(nn.Module):
    """Two layers of that kind with a clip between them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second = OverwritesItsOwn(9, 30), OverwritesItsOwn(30, 4)

    def forward(self, values: Tensor) -> Tensor:
        """(N, 9) -> (N, 4)."""
        result: Tensor = self.second(nn.functional.hardtanh(self.first(values), inplace=True))
        return result


def test_layers_that_write_into_what_they_are_given() -> None:
    network = Overwriting().eval().requires_grad_(False)
    before = network.first.weight.clone()
    traced = trace(network, INPUTS)
    assert traced.quantizers == (QuantizerFact("second", "sign", 1),)
    assert torch.equal(traced.network(INPUTS), network(INPUTS.clone()))
    assert gradient(traced.network, Surrogate()).any()
    assert not torch.equal(before, network.first.weight)  # which its own forward pass has binarized since
