import pytest
import torch
from torch import nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.threat import Norm
from bnnaudit.zoo.train.adversarial import adversarial_images
from bnnaudit.zoo.train.tables import AdversarialTable


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
    made = adversarial_images(linear, batch, AdversarialTable(eps=0.2, steps=10, step_size=0.1), 0.5, 0)
    towards_one = torch.tensor([-1.0, 1.0, 1.0, 1.0]).view(1, 1, 2, 2)
    side = torch.where(batch.labels == 0, 1.0, -1.0).view(-1, 1, 1, 1)
    torch.testing.assert_close(made, batch.images + 0.1 * side * towards_one)


def test_the_network_is_left_as_it_was(linear: nn.Module, batch: Batch) -> None:
    linear.train()
    linear[1].weight.requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in linear.state_dict().items()}
    adversarial_images(linear, batch, AdversarialTable(eps=0.1, steps=2, step_size=0.05), 1.0, 0)
    assert linear.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in linear.state_dict().items())
    assert [parameter.requires_grad for parameter in linear.parameters()] == [False, True, True, True]
    assert all(parameter.grad is None for parameter in linear.parameters())


def test_l2_images_lie_on_the_ball_along_the_gradient(linear: nn.Module, batch: Batch) -> None:
    """Of a linear network the worst image is the radius away in the direction of the difference of the two rows."""
    table = AdversarialTable(norm=Norm.L2, eps=0.1, steps=100, step_size=0.05)
    made = adversarial_images(linear, batch, table, 1.0, 0)
    towards_one = torch.tensor([-2.0, 3.0, 1.5, 1.0]).double().view(1, 1, 2, 2)
    side = torch.where(batch.labels == 0, 1.0, -1.0).view(-1, 1, 1, 1)
    torch.testing.assert_close(made, batch.images + 0.1 * side * towards_one / towards_one.norm(), atol=1e-3, rtol=0)


def test_a_temperature_gives_the_gradient_of_a_saturated_network(linear: nn.Module, batch: Batch) -> None:
    """With logits a thousand times as large PGD sees no gradient in single precision; PGD++ does."""
    single = linear.float()
    with torch.no_grad():
        single[2].weight.mul_(1e3)
        single[2].bias.copy_(torch.tensor([9e3, 0.0]))
    images = Batch(batch.images.float(), torch.zeros(6, dtype=torch.int64), batch.ids)
    plain, scaled = (
        adversarial_images(single, images, AdversarialTable(eps=0.1, steps=5, step_size=0.05, beta=beta), 1.0, 0)
        for beta in ("none", "njs")
    )
    towards_one = torch.tensor([-1.0, 1.0, 1.0, 1.0]).view(1, 1, 2, 2)
    worst = images.images + 0.1 * towards_one
    assert not torch.allclose(plain, worst)
    torch.testing.assert_close(scaled, worst)
