"""What one pass shows: steps with their module and bits, precision of weights, a last softmax."""

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import OutputKind, QuantizerFact
from bnnaudit.quantization.observation import bits_of_weights, observe
from tests.quantization.test_interception import OwnEstimator

INPUTS = torch.randn((5, 6), generator=torch.Generator().manual_seed(1))


class Binary(nn.Module):
    """A binary layer as users write it: sign of the weights and of the activations."""

    def __init__(self, features: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn((out, features), generator=torch.Generator().manual_seed(2)))
        self.requires_grad_(False)

    def forward(self, values: Tensor) -> Tensor:
        return torch.sign(nn.functional.linear(values, torch.sign(self.weight)))


def test_steps_on_activations_are_named_by_their_module_and_weights_are_not_steps() -> None:
    seen = observe(nn.Sequential(Binary(6, 40), Binary(40, 3), nn.Softmax(dim=1)), INPUTS)
    assert seen.steps == (QuantizerFact("0", "sign", 1), QuantizerFact("1", "sign", 1))
    assert seen.weight_bits == 1
    assert seen.output is OutputKind.SOFTMAX
    assert not seen.scores.requires_grad


class Own(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return OwnEstimator.apply(values)  # type: ignore[no-any-return]


def test_a_step_with_an_estimator_of_its_own_is_noted_as_such() -> None:
    assert observe(nn.Sequential(Own()), INPUTS).steps == (QuantizerFact("0", "sign (own surrogate)", 1),)


def test_a_float_network_shows_nothing() -> None:
    with torch.random.fork_rng():
        seen = observe(nn.Sequential(nn.Linear(6, 50), nn.ReLU(), nn.Linear(50, 3)), INPUTS)
    assert (seen.steps, seen.weight_bits, seen.output) == ((), 32, OutputKind.LOGITS)


def test_most_weights_decide() -> None:
    with torch.random.fork_rng():
        seen = observe(nn.Sequential(nn.Linear(6, 40), Binary(40, 100)), INPUTS)
    assert seen.weight_bits == 1


GRID = torch.randint(-8, 8, (40, 3, 5, 5), generator=torch.Generator().manual_seed(3)).float()
NOISE = torch.randn((40, 3, 5, 5), generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize(
    ("weights", "bits"),
    [
        (torch.sign(NOISE), 1),
        (torch.sign(NOISE) * NOISE.abs().mean(dim=(1, 2, 3), keepdim=True), 1),
        (torch.sign(NOISE) * (NOISE.abs() > 0.5), 2),
        (GRID * 0.037, 4),
        (NOISE, 32),
        (NOISE.reshape(3000, 1, 1, 1), 32),
        (torch.sign(NOISE).reshape(3000, 1, 1, 1), 1),
        (torch.zeros(4, 9), 1),
    ],
)
def test_bits_follow_from_the_levels_of_the_weights(weights: Tensor, bits: int) -> None:
    assert bits_of_weights(weights) == bits
