"""torchvision's networks, and their blocks where activations are quantized. Imported late: torchvision takes a second."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models.densenet import DenseNet
from torchvision.models.mobilenetv2 import InvertedResidual, MobileNetV2
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
from torchvision.models.vgg import VGG, cfgs, make_layers

STAGES = [[1, 16, 1, 1], [6, 24, 2, 1], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]]
"""MobileNet-V2's expansion, channels, blocks and stride: torchvision's, but that the second stage does not shrink the image."""


class SteppedBasicBlock(BasicBlock):  # type: ignore[misc]
    """Two convolutions, each with a step before it and a way around it: x + BN(conv(step(x))).

    What goes around is not quantized, so the gradient finds its way and the sum keeps more than one bit ([Liu et al. 2018],
    Bi-Real Net).
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.relu: nn.Module = nn.Identity()
        self.step1, self.step2 = nn.ReLU(), nn.ReLU()
        self.downsample: nn.Module | None = _stepped(self.downsample)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        around = x if self.downsample is None else self.downsample(x)
        middle = self.bn1(self.conv1(self.step1(x))) + around
        result: Tensor = self.bn2(self.conv2(self.step2(middle))) + middle
        return result


class SteppedBottleneck(Bottleneck):  # type: ignore[misc]
    """Three convolutions with a step before each, and one way around all of them that is not quantized."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.relu: nn.Module = nn.Identity()
        self.step1, self.step2, self.step3 = nn.ReLU(), nn.ReLU(), nn.ReLU()
        self.downsample: nn.Module | None = _stepped(self.downsample)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        around = x if self.downsample is None else self.downsample(x)
        inner = self.bn1(self.conv1(self.step1(x)))
        inner = self.bn2(self.conv2(self.step2(inner)))
        result: Tensor = self.bn3(self.conv3(self.step3(inner))) + around
        return result


def _stepped(downsample: Any) -> nn.Module | None:
    """torchvision's way around a block that shrinks: averaged over the stride, then a step, the 1 x 1 convolution, its BN."""
    if downsample is None:
        return None
    convolution, norm = downsample
    stride = convolution.stride[0]
    convolution.stride = (1, 1)
    shrink = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
    return nn.Sequential(shrink, nn.ReLU(), convolution, norm)


class SteppedDenseNet(DenseNet):  # type: ignore[misc]
    """torchvision's network, whose last activation is a module like the others."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.last = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, classes)."""
        features = self.avgpool(self.last(self.features(x)))
        result: Tensor = self.classifier(torch.flatten(features, 1))
        return result


def resnet18(stepped: bool) -> Any:
    """For 1000 classes and large images; stepped: of blocks with steps."""
    return ResNet(SteppedBasicBlock if stepped else BasicBlock, [2, 2, 2, 2])


def resnet50(stepped: bool) -> Any:
    """For 1000 classes and large images; stepped: of blocks with steps."""
    return ResNet(SteppedBottleneck if stepped else Bottleneck, [3, 4, 6, 3])


def vgg16() -> Any:
    """For 1000 classes, with batch normalisation."""
    return VGG(make_layers(cfgs["D"], batch_norm=True), init_weights=False)


def densenet121(width: int) -> Any:
    """For 1000 classes and large images, with `width` channels after the first convolution, 64 being torchvision's."""
    return SteppedDenseNet(growth_rate=width // 2, num_init_features=width)


def mobilenet_v2(multiplier: float, stepped: bool) -> Any:
    """For 1000 classes and small images; stepped: with activations before the convolutions that have none before them."""
    network = MobileNetV2(width_mult=multiplier, inverted_residual_setting=STAGES)
    if stepped:
        blocks = [block for block in network.features if isinstance(block, InvertedResidual)]
        for block in blocks[1:]:  # the first one has no convolution that expands
            block.conv[0].insert(0, nn.Hardtanh())
        network.features[-1].insert(0, nn.Hardtanh())
    return network
