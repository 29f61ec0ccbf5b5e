"""Folding: the same scores in fewer modules, and nothing where it could change what is computed."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from bnnaudit.models.batch_norm_folding import with_folded_normalization
from tests.onnx_import.building import imported

IMAGES = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def settled(network: nn.Module) -> nn.Module:
    """In eval mode, with statistics, scales and shifts that are no identity."""
    generator = torch.Generator().manual_seed(1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (layer.running_mean, layer.weight, layer.bias):
                if tensor is not None:
                    tensor.data = torch.randn(tensor.shape, generator=generator)
            if layer.running_var is not None:
                layer.running_var.data = torch.rand(layer.running_var.shape, generator=generator) + 0.1
    return network.eval().requires_grad_(False)


def plain() -> nn.Module:
    return settled(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 5)))


def remaining(network: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


def test_a_convolution_takes_its_normalization_in_and_scores_stay() -> None:
    network = plain()
    weight = network[0].weight
    before = weight.clone()
    folded = with_folded_normalization(network, IMAGES)
    assert remaining(folded) == 0
    assert remaining(network) == 1
    assert torch.equal(weight, before)
    torch.testing.assert_close(folded(IMAGES), network(IMAGES), rtol=1e-5, atol=1e-5)


def test_every_block_of_a_resnet_is_folded() -> None:
    shortcut = nn.Sequential(nn.Conv2d(4, 6, 1, 2, bias=False), nn.BatchNorm2d(6))
    network = settled(
        nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), BasicBlock(4, 6, 2, shortcut), nn.Flatten())
    )
    folded = with_folded_normalization(network, IMAGES)
    assert remaining(folded) == 0
    torch.testing.assert_close(folded(IMAGES), network(IMAGES), rtol=1e-5, atol=1e-4)


class UsedTwice(nn.Module):
    """The convolution's own result is needed as well."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, values: Tensor) -> Tensor:
        found = self.convolution(values)
        return (self.norm(found) + found).flatten(1)


class CalledTwice(nn.Module):
    """One convolution before two normalizations."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

    def forward(self, values: Tensor) -> Tensor:
        return self.second(self.convolution(self.first(self.convolution(values)))).flatten(1)


class Untraceable(nn.Module):
    """What it does depends on the values."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)

    def forward(self, values: Tensor) -> Tensor:
        values = values * 2 if float(values.sum()) < 0 else values
        return self.norm(self.convolution(values)).flatten(1)


class Doubled(nn.BatchNorm2d):
    """Derives from the known normalization, and is another one."""

    def forward(self, values: Tensor) -> Tensor:
        return 2 * super().forward(values)


def doubled() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), Doubled(4), nn.Flatten())


def of_the_batch() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False), nn.Flatten())


def hooked() -> nn.Module:
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    network[0].register_forward_hook(lambda layer, given, result: result + 1)
    return network


@pytest.mark.parametrize("make", [UsedTwice, CalledTwice, Untraceable, doubled, of_the_batch, hooked])
def test_what_could_change_is_left_alone(make: Callable[[], nn.Module]) -> None:
    network = settled(make())
    assert with_folded_normalization(network, IMAGES) is network


def test_an_imported_graph_is_folded() -> None:
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(4, 3, 3, 3, generator=generator)
    statistics = [torch.rand(4, generator=generator) + 0.1 for _ in range(4)]
    tensors = dict(zip(("w", "scale", "bias", "mean", "variance"), [weight, *statistics], strict=True))
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w"], ["c"]),
            helper.make_node("BatchNormalization", ["c", "scale", "bias", "mean", "variance"], ["n"]),
            helper.make_node("Flatten", ["n"], ["y"]),
        ],
        "net",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 144])],
        [numpy_helper.from_array(tensor.numpy(), name) for name, tensor in tensors.items()],
    )
    network = imported(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))
    folded = with_folded_normalization(network, IMAGES)
    assert folded is not network
    assert "BatchNormalization" not in [type(layer).__name__ for layer in folded.modules()]
    torch.testing.assert_close(folded(IMAGES), network(IMAGES), rtol=1e-5, atol=1e-5)
