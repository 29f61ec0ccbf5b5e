"""Networks of signs as affine maps, against the weights that they were made of and against the networks themselves."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnnaudit.core.errors import UsageError
from bnnaudit.core.threat import Box
from bnnaudit.quantization.binary_network import read_binary_network
from bnnaudit.quantization.quantizers import BinarySign, TernarySign
from tests.toy import target_of


def randomised(layers: Sequence[nn.Module], seed: int = 0) -> nn.Sequential:
    """The layers in sequence, with random weights and running statistics."""
    network, generator = nn.Sequential(*layers), torch.Generator().manual_seed(seed)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(noise.abs() + 0.5 if "var" in name else noise)
    return network


def test_a_perceptron_is_read_to_the_last_digit() -> None:
    network = randomised([nn.Flatten(), nn.Linear(6, 5), BinarySign(), nn.Linear(5, 3)])
    read = read_binary_network(target_of(network, (1, 2, 3), 3), (1, 2, 3), "test")
    first, last = network[1].weight.double().numpy(), network[3].weight.double().numpy()
    scales = np.abs(first).max(axis=1)
    np.testing.assert_allclose(read.layers[0].weights, first / scales[:, None], atol=1e-12)
    np.testing.assert_allclose(read.layers[0].bias, network[1].bias.double().numpy() / scales, atol=1e-12)
    np.testing.assert_allclose(read.weights, last, atol=1e-12)
    np.testing.assert_allclose(read.bias, network[3].bias.double().numpy(), atol=1e-12)


@pytest.mark.parametrize("box", [Box(), Box(0.0, 255.0), Box(-1.0, 1.0)])
def test_convolutions_and_normalisations_fold_into_the_maps(box: Box) -> None:
    network = randomised(
        [
            nn.Conv2d(2, 3, 3),
            nn.BatchNorm2d(3),
            BinarySign(threshold=0.25, levels=(0.0, 1.0)),
            nn.Flatten(),
            nn.Linear(12, 7),
            nn.BatchNorm1d(7),
            BinarySign(strict=True),
            nn.Linear(7, 4),
        ]
    )
    target = target_of(network, (2, 4, 4), 4, box)
    read = read_binary_network(target, (2, 4, 4), "test")
    images = box.low + box.width * torch.rand(50, 2, 4, 4, generator=torch.Generator().manual_seed(1))
    flat = images.flatten(1).double().numpy()
    clear = read.clearance(flat) > 1e-4 * box.width
    assert clear.sum() > 25
    np.testing.assert_allclose(read.logits(flat)[clear], target.logits(images).numpy()[clear], rtol=1e-4, atol=1e-4)
    assert [layer.strict for layer in read.layers] == [False, True]


def test_a_sum_of_zero_is_plus_one_unless_strict() -> None:
    for strict, unit in ((False, 1.0), (True, -1.0)):
        network = nn.Sequential(nn.Linear(1, 1, bias=False), BinarySign(strict=strict), nn.Linear(1, 2))
        read = read_binary_network(target_of(network, (1,), 2), (1,), "test")
        assert read.activations(np.zeros((1, 1)))[0].tolist() == [[unit]]


class Skipping(nn.Module):
    """The image reaches the logits by a way around the sign."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.sign, self.last = nn.Linear(3, 4), BinarySign(), nn.Linear(4, 3)

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.last(self.sign(self.first(images))) + images
        return result


class Twice(nn.Module):
    """One sign runs twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.sign = nn.Linear(3, 3), BinarySign()

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = self.layer(self.sign(self.layer(self.sign(self.layer(images)))))
        return result


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (nn.Linear(3, 3), "binary activations; this one has none"),
        (nn.Sequential(nn.Linear(3, 3), TernarySign(), nn.Linear(3, 3)), "signs of two values"),
        (nn.Sequential(nn.Linear(3, 9), BinarySign(), nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 3)), "affine between"),
        (nn.Sequential(nn.Linear(3, 9), nn.Tanh(), nn.Linear(9, 3), BinarySign(), nn.Linear(3, 3)), "affine between"),
        (Skipping(), "paths around"),
        (Twice(), "each of its signs once"),
    ],
)
def test_other_networks_are_refused(network: nn.Module, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_binary_network(target_of(network, (3,), 3), (3,), "test")


def test_a_network_too_large_for_dense_matrices_is_refused() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 1 << 14), BinarySign(), nn.Linear(1 << 14, 1 << 11))
    with pytest.raises(UsageError, match="small networks"):
        read_binary_network(target_of(network, (2,), 1 << 11), (2,), "test")


def test_the_target_is_left_as_it_was() -> None:
    network = randomised([nn.Linear(3, 4), BinarySign(), nn.Linear(4, 3)])
    target = target_of(network, (3,), 3)
    read_binary_network(target, (3,), "test")
    assert target.logits(torch.zeros(1, 3)).dtype is torch.float32
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
