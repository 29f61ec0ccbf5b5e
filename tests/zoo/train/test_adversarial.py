import pytest
import torch
from torch import nn

from bnnaudit.core.batch import Batch
from bnnaudit.zoo.train.adversarial import adversarial_images


@pytest.fixture
def batch() -> Batch:
    images = torch.rand(6, 1, 2, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 0.4 + 0.3
    return Batch(images, torch.tensor([0, 1, 0, 1, 0, 1]), torch.arange(6))


@pytest.fixture
def linear() -> nn.Module:
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 2)).double()
    with torch.no_grad():
        network[2].weight.copy_(torch.tensor([[1.0, -2.0, 0.5, -1.0], [-1.0, 1.0, 2.0, 0.0]]))
    return network


def test_a_linear_network_gets_its_worst_images(linear: nn.Module, batch: Batch) -> None:
    made = adversarial_images(linear, batch, 0.1, 10, 0.05, 0)
    towards_one = torch.tensor([-1.0, 1.0, 1.0, 1.0]).view(1, 1, 2, 2)
    side = torch.where(batch.labels == 0, 1.0, -1.0).view(-1, 1, 1, 1)
    torch.testing.assert_close(made, batch.images + 0.1 * side * towards_one)


def test_the_network_is_left_as_it_was(linear: nn.Module, batch: Batch) -> None:
    linear.train()
    linear[1].weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in linear.state_dict().items()}
    adversarial_images(linear, batch, 0.1, 2, 0.05, 0)
    assert linear.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in linear.state_dict().items())
    assert [parameter.requires_grad for parameter in linear.parameters()] == [False, True, True, True]
    assert all(parameter.grad is None for parameter in linear.parameters())
