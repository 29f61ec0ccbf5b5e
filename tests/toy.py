"""Small targets whose right answers are known in closed form."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.facts import Layout, ModelFacts, ModelFormat, QuantizerFact
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box
from bnnaudit.quantization.quantizers import named_quantizers

UNIT_BOX = Box()


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
