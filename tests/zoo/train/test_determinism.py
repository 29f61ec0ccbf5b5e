import pytest
import torch
from torch import nn

from bnnaudit.zoo.train.determinism import KEPT_BITS, default_dtype, reproducible, round_weights, rounded


def test_the_same_seed_draws_the_same_and_the_outside_is_left_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    threads = torch.get_num_threads()
    with reproducible(1):
        first = torch.rand(3)
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
    with reproducible(1):
        assert torch.equal(torch.rand(3), first)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()


def test_all_is_restored_after_an_error() -> None:
    def fail() -> None:
        with reproducible(0), default_dtype(torch.float64):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_default_dtype() is torch.float32


def test_rounding_by_hand() -> None:
    values = torch.tensor([1.0, 1 + 2**-4, 1 + 2**-3, 1 + 0.6 * 2**-3, -3.3, 0.0, 1e-40], dtype=torch.float64)
    expected = [1.0, 1.0, 1.125, 1.125, -3.25, 0.0]
    result = rounded(values, 4)
    assert result[:6].tolist() == expected
    assert abs(result[6].item() / 1e-40 - 1) <= 2**-4


def test_noise_in_the_last_bits_is_gone() -> None:
    values = torch.rand(1000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rounded(values * (1 + 2e-15), KEPT_BITS), rounded(values, KEPT_BITS))


def test_weights_are_rounded_and_float32_ones_left() -> None:
    network = nn.Sequential(nn.Linear(3, 4).double(), nn.Linear(4, 2))
    drawn = [parameter.clone() for parameter in network.parameters()]
    round_weights(network)
    first, _, last, _ = network.parameters()
    assert torch.equal(first, rounded(drawn[0], KEPT_BITS))
    assert not torch.equal(first, drawn[0])
    assert torch.equal(last, drawn[2])
