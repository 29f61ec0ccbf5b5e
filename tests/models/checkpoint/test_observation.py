"""What one pass shows: steps with their module and bits, precision of weights, a last softmax."""

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import LayerBits, OutputKind, QuantizerFact
from bnnaudit.models.checkpoint.observation import observe
from bnnaudit.models.weight_bits import bits_of
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
    assert seen.weight_layers == (LayerBits(1, 2),)
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
    assert (seen.steps, seen.weight_layers, seen.output) == ((), (LayerBits(32, 2),), OutputKind.LOGITS)


def test_every_layer_s_weights_are_counted_by_their_bits() -> None:
    with torch.random.fork_rng():
        seen = observe(nn.Sequential(nn.Linear(6, 40), Binary(40, 100), Binary(100, 3)), INPUTS)
    assert seen.weight_layers == (LayerBits(1, 2), LayerBits(32, 1))


def test_the_channels_of_a_transposed_convolution_are_on_the_second_axis_of_its_weights() -> None:
    layer = nn.ConvTranspose2d(8, 4, 3, bias=False).requires_grad_(False)
    scales = torch.tensor([0.5, 1.0, 1.7, 3.1])
    layer.weight.copy_(torch.sign(NOISE.reshape(-1)[: 8 * 4 * 9]).reshape(8, 4, 3, 3) * scales[None, :, None, None])
    seen = observe(nn.Sequential(nn.Unflatten(1, (8, 1, 1)), layer, nn.Flatten()), torch.ones(2, 8))
    assert seen.weight_layers == (LayerBits(1, 1),)


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
    assert bits_of(weights.numpy(), 0) == bits
