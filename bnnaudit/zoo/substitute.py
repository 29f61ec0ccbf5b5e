"""A substitute: a small float network trained to predict what the audited model predicts ([Papernot et al. 2017]).

It sees the model's answers only, never its weights or gradients, so attacks on it are black-box attacks on the model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from bnnaudit.core.facts import Layout, OutputKind
from bnnaudit.core.target import Preparation, Target
from bnnaudit.numerics.threads import working_threads
from bnnaudit.zoo.compiler_folder import no_compiler_folder

QUERIES = 4096
"""Images that the audited model is asked about, counted over all rounds. Not tuned."""
ROUNDS = 12
"""Rounds of queries and training. Not tuned."""
BATCH = 128
"""Images in one step of training. Not tuned."""


def imitate(target: Target, images: Tensor, seed: int, on_round: Callable[[int, int], None] | None = None) -> Target:
    """A substitute for `target`, trained on its answers to noisy and shifted copies of images (N, ...) in its range.

    Returns a target whose deployed model is the audited one and whose network is the substitute; it takes images scaled
    to [-1, 1]. Deterministic given the seed: training, whose sums over a batch come out otherwise on another number of threads,
    has one thread. It takes seconds on a CPU for small images.
    """
    generator = torch.Generator().manual_seed(seed)
    network = substitute_network(images.shape[1:], target.facts.num_classes, generator)
    box = target.facts.box
    middle, half = (box.low + box.high) / 2, box.width / 2
    with no_compiler_folder():
        optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    per_round = max(BATCH, QUERIES // ROUNDS)
    for index in range(ROUNDS):
        chosen = torch.randint(len(images), (per_round,), generator=generator)
        queries = disturbed(images[chosen.to(images.device)].cpu(), box.low, box.high, generator)
        answers = target.deployed(queries).argmax(dim=1)
        with working_threads(1):
            _fit((queries - middle) / half, answers, network, optimizer, generator)
        if on_round:
            on_round(index + 1, ROUNDS)
    network.eval().requires_grad_(False).to(target.device)
    prepare = Preparation(tuple(images.shape[1:]), Layout.NCHW, (middle,), (half,))
    facts = replace(target.facts, quantizers=(), output=OutputKind.LOGITS, weight_layers=())
    return Target(network, prepare, target.deployed, facts, target.device)


def substitute_network(shape: torch.Size, classes: int, generator: torch.Generator) -> nn.Module:
    """A small float network for inputs (C, H, W) or (features,): three strided convolutions, or two dense layers."""
    if len(shape) == 3:
        layers: list[nn.Module] = []
        channels = shape[0]
        size = min(shape[1], shape[2])
        for width in (32, 64, 64):
            stride = 2 if size >= 8 else 1
            layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.ReLU()]
            channels, size = width, -(-size // stride)
        layers += [nn.AdaptiveAvgPool2d(min(4, size)), nn.Flatten(), nn.Linear(channels * min(4, size) ** 2, classes)]
    else:
        features = int(torch.Size(shape).numel())
        layers = [
            nn.Flatten(),
            nn.Linear(features, 256),
            nn.ReLU(),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, classes),
        ]
    network = nn.Sequential(*layers)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_uniform_(parameter, generator=generator)
        else:
            nn.init.zeros_(parameter)
    return network


def disturbed(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Each image with uniform noise of up to a quarter of the range and, if it has rows, a shift by up to two pixels."""
    amount = torch.rand(len(images), generator=generator).view(-1, *(1,) * (images.dim() - 1)) * (high - low) / 4
    noise = torch.rand(images.shape, generator=generator) * 2 - 1
    shifted = images
    if images.dim() == 4 and min(images.shape[2:]) >= 8:
        down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
        shifted = torch.roll(images, (down, right), dims=(2, 3))
    return (shifted + amount * noise).clamp(low, high)


def _fit(
    inputs: Tensor, answers: Tensor, network: nn.Module, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> None:
    """A few passes over one round's queries."""
    network.train()
    for _ in range(6):
        for part in torch.split(torch.randperm(len(inputs), generator=generator), BATCH):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(network(inputs[part]), answers[part])
            torch.autograd.backward(loss)
            optimizer.step()
