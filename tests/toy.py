"""Small targets whose right answers are known in closed form."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat, QuantizerFact
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box
from bnnaudit.quantization.quantizers import BinarySign, named_quantizers

UNIT_BOX = Box()
BYTES = Box(0.0, 255.0)


class Itself:
    """A deployed model that is the differentiable copy."""

    def __init__(self, network: nn.Module, prepare: Preparation) -> None:
        self.network, self.prepare = network, prepare

    def __call__(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            scores: Tensor = self.network(self.prepare(images)).float().cpu()
        return scores


def target_of(network: nn.Module, shape: tuple[int, ...], classes: int, box: Box = UNIT_BOX) -> Target:
    """A target around a module that takes (N, *shape)."""
    network.eval().requires_grad_(False)
    layout = Layout.NCHW if len(shape) == 3 else Layout.FLAT
    prepare = Preparation(shape, layout)
    facts = ModelFacts(
        path="toy",
        sha256="0" * 64,
        format=ModelFormat.ONNX,
        num_classes=classes,
        input_shape=shape,
        layout=layout,
        box=box,
        quantizers=tuple(QuantizerFact(name, module.op, module.bits) for name, module in named_quantizers(network)),
    )
    return Target(network, prepare, Itself(network, prepare), facts)


def linear_target(weights: Tensor, bias: Tensor, box: Box = UNIT_BOX) -> Target:
    """A linear classifier on (N, features)."""
    layer = nn.Linear(weights.shape[1], weights.shape[0])
    with torch.no_grad():
        layer.weight.copy_(weights)
        layer.bias.copy_(bias)
    return target_of(layer, (weights.shape[1],), weights.shape[0], box)


def batch_of(target: Target, images: Tensor) -> Batch:
    """Images labelled with the target's own answers."""
    with torch.no_grad():
        labels = target.logits(images).argmax(dim=1)
    return Batch(images, labels, torch.arange(len(images)))


def small_network(seed: int = 0, scale: float = 1.0, features: int = 6, classes: int = 4) -> nn.Sequential:
    """A seeded smooth-free (ReLU) network in double precision."""
    generator = torch.Generator().manual_seed(seed)
    network = nn.Sequential(nn.Linear(features, 16), nn.ReLU(), nn.Linear(16, classes)).double()
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) * scale)
    return network


def binary_network(sizes: list[int], seed: int, box: Box = BYTES) -> Target:
    """A fully connected network of signs with weights of -1 and +1 and random thresholds, for images (1, 1, n)."""
    generator = torch.Generator().manual_seed(seed)
    layers: list[nn.Module] = [nn.Flatten()]
    for index, (before, after) in enumerate(pairwise(sizes)):
        layer = nn.Linear(before, after)
        with torch.no_grad():
            layer.weight.copy_(torch.rand(after, before, generator=generator).sub(0.5).sign())
            layer.bias.copy_(torch.randn(after, generator=generator) * (0.3 * before) ** 0.5)
            if index == 0:
                layer.bias.mul_(box.width).sub_(layer.weight.sum(dim=1) * (box.low + box.width / 2))
        layers += [layer, BinarySign()]
    return target_of(nn.Sequential(*layers[:-1]), (1, 1, sizes[0]), sizes[-1], box)


def images_of(target: Target, count: int, seed: int) -> Batch:
    """Seeded images, labelled with the target's own answers."""
    box, shape = target.facts.box, target.facts.input_shape
    noise = torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))
    return batch_of(target, box.low + box.width * noise)


def two_pixel_target(threshold: float) -> Target:
    """Class 0 while both pixels are at least `threshold`; the second logit wins from one unit of -1 on."""
    network = nn.Sequential(nn.Linear(2, 2), BinarySign(), nn.Linear(2, 2))
    with torch.no_grad():
        network[0].weight.copy_(torch.eye(2))
        network[0].bias.fill_(-threshold)
        network[2].weight.copy_(torch.tensor([[1.0, 1.0], [0.0, 0.0]]))
        network[2].bias.copy_(torch.tensor([0.0, 0.5]))
    return target_of(network, (2,), 2)
