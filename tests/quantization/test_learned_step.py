import math

import pytest
import torch
from torch import nn

from bnnaudit.quantization.grids import Grid
from bnnaudit.quantization.layers import deploy
from bnnaudit.quantization.learned_step import LearnedStepQuantizer, UniformConv2d, UniformLinear, learned_step

GRID = Grid.whole(2, signed=True)
TERNARY = Grid.whole(2, signed=True, narrow=True)


def test_values_and_gradients_by_hand() -> None:
    """Step 0.5: x / s is 0.6, 1.4 (beyond 1), -1.2 and -3 (beyond -2)."""
    values = torch.tensor([0.3, 0.7, -0.6, -1.5], dtype=torch.float64, requires_grad=True)
    step = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    result = learned_step(values, step, GRID, 4)
    assert result.tolist() == [0.5, 0.5, -0.5, -1.0]
    coming = torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)
    result.backward(coming)
    assert values.grad is not None
    assert values.grad.tolist() == [1, 0, 100, 0]
    of_step = 1 * (1 - 0.6) + 10 * 1 + 100 * (-1 + 1.2) + 1000 * -2
    assert step.grad is not None
    assert float(step.grad) == pytest.approx(of_step / math.sqrt(4 * 1))


def test_the_gradient_of_the_step_is_that_of_its_definition() -> None:
    """Autograd through round as the identity, clip and scale, which is how the paper derives it."""
    values = torch.randn(200, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    grid = Grid.whole(4, signed=False)
    step, other = (torch.tensor(0.1, dtype=torch.float64, requires_grad=True) for _ in range(2))
    learned_step(values, step, grid, 200).pow(2).sum().backward()
    clipped = (values / other).clamp(grid.low, grid.high)
    ((clipped + (clipped.round() - clipped).detach()) * other).pow(2).sum().backward()
    assert step.grad is not None
    assert other.grad is not None
    assert float(step.grad) == pytest.approx(float(other.grad) / math.sqrt(200 * 15), rel=1e-9)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 8])
def test_activations_are_the_same_in_training_and_eval_mode_and_on_the_grid(bits: int, signed: bool) -> None:
    quantizer = LearnedStepQuantizer(bits, signed)
    values = torch.randn(50, 40, generator=torch.Generator().manual_seed(0))
    trained = quantizer(values).detach()
    torch.testing.assert_close(quantizer.eval()(values).detach(), trained)
    levels = trained / quantizer.log_step.detach().exp()
    torch.testing.assert_close(levels, levels.round())
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    assert low <= round(float(levels.min())) < round(float(levels.max())) <= high
    assert 2 ** (bits - 2) < len(levels.round().unique()) <= 2**bits


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_first_step_is_near_the_best_for_normal_values(bits: int) -> None:
    """Its squared error is at most twice that of the best step, found by trying."""
    values = torch.randn(20_000, generator=torch.Generator().manual_seed(0)).relu()
    quantizer = LearnedStepQuantizer(bits)

    def error(step: float) -> float:
        return float(((values / step).round().clamp(0, 2**bits - 1) * step - values).pow(2).mean())

    best = min(error(0.005 * k) for k in range(2, 300))
    assert error(float(quantizer.log_step.detach().exp())) <= 2 * best


def test_learning_moves_the_step_towards_less_error() -> None:
    values = 5 * torch.randn(2000, generator=torch.Generator().manual_seed(0))
    quantizer = LearnedStepQuantizer(2, signed=True)
    optimizer = torch.optim.Adam(quantizer.parameters(), 0.05)
    losses = []
    for _ in range(100):
        optimizer.zero_grad()
        loss = (quantizer(values.view(20, 100)) - values.view(20, 100)).pow(2).mean()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


@pytest.mark.parametrize("grid", [TERNARY, GRID, Grid.whole(4, signed=True), Grid.whole(8, signed=True)])
def test_deployed_weights_are_whole_numbers_of_steps_and_change_no_output(grid: Grid) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(UniformConv2d(1, 4, 3, grid=grid), nn.Flatten(), UniformLinear(64, 3, grid=grid))
    images = torch.rand(5, 1, 6, 6)
    deployed = deploy(network)
    assert torch.equal(deployed(images), network.eval()(images))
    for layer in (deployed[0], deployed[2]):
        levels = layer.weight / layer.log_step.exp()
        torch.testing.assert_close(levels, levels.round().clamp(grid.low, grid.high), rtol=1e-5, atol=1e-5)
        assert layer.weight_bits == grid.bits
    assert not torch.equal(network[0].weight, deployed[0].weight), "the original keeps its own"
    other = nn.Sequential(UniformConv2d(1, 4, 3, grid=grid), nn.Flatten(), UniformLinear(64, 3, grid=grid))
    other.load_state_dict(deployed.state_dict())
    assert torch.equal(other.eval()(images), deployed(images))


def test_ternary_weights_use_all_three_values() -> None:
    layer = UniformLinear(300, 20, grid=TERNARY)
    levels = (layer.rounded_weight() / layer.log_step.exp()).round()
    assert sorted(levels.unique().tolist()) == [-1, 0, 1]


@pytest.mark.parametrize(("weights", "expected"), [([4.0, -8.0, 0.0, 8.0], 8 / 7), ([8.0, *[0.0] * 7], 2 / 7**0.5)])
def test_the_first_step_of_weights_by_hand(weights: list[float], expected: float) -> None:
    layer = UniformLinear(len(weights), 1, grid=Grid.whole(4, signed=True))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights]))
    layer.reset_step()
    assert float(layer.log_step.detach().exp()) == pytest.approx(expected)


def test_weights_of_zero_have_a_step() -> None:
    layer = UniformLinear(4, 1, grid=TERNARY)
    nn.init.zeros_(layer.weight)
    layer.reset_step()
    assert not layer(torch.rand(3, 4)).any()


def test_an_attack_chooses_the_gradient_in_eval_mode() -> None:
    """Straight-through inside of the grid."""
    quantizer = LearnedStepQuantizer(2).eval()
    values = torch.tensor([[-1.0, 0.2, 0.5, 9.0]], requires_grad=True)
    quantizer(values).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [[0, 1, 1, 0]]
