"""Networks with seeded random weights, for benchmarks of cost, where accuracy is of no account."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock


def resnet18(width: int, classes: int, folded: bool = True) -> nn.Sequential:
    """ResNet-18 for small images: a 3 x 3 stem, no pooling before the first stage; seeded weights, logits of scale 10.

    folded: its normalization is in the convolutions, as every ONNX export has it.
    """
    torch.manual_seed(0)

    def stage(inside: int, outside: int, stride: int) -> nn.Sequential:
        shortcut = None
        if stride > 1 or inside != outside:
            shortcut = nn.Sequential(nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside))
        return nn.Sequential(BasicBlock(inside, outside, stride, shortcut), BasicBlock(outside, outside))

    network = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        stage(width, width, 1),
        stage(width, 2 * width, 2),
        stage(2 * width, 4 * width, 2),
        stage(4 * width, 8 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8 * width, classes),
    )
    with torch.no_grad():
        sample = torch.rand(64, 3, 32, 32)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # statistics of this one batch
        network.train()(sample)
        network.eval()
        if folded:
            network = _folded(network)
        head = network[-1]
        assert isinstance(head, nn.Linear)
        spread = network(sample).std()
        head.weight.mul_(10 / spread)
        head.bias.mul_(10 / spread)
    return network


def _folded(network: nn.Sequential) -> nn.Sequential:
    """Normalisation folded into the convolutions, as every ONNX export has it."""
    network[0], network[1] = fuse_conv_bn_eval(network[0], network[1]), nn.Identity()
    for block in network.modules():
        if isinstance(block, BasicBlock):
            block.conv1, block.bn1 = fuse_conv_bn_eval(block.conv1, block.bn1), nn.Identity()
            block.conv2, block.bn2 = fuse_conv_bn_eval(block.conv2, block.bn2), nn.Identity()
            if block.downsample is not None:
                block.downsample = nn.Sequential(fuse_conv_bn_eval(*block.downsample))
    return network
