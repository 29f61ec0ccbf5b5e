"""What the temperature rules cost: ratios to the plain attack, and Hessian scaling against a loop as it was published.

    python -m tests.bench.hns_cost [--images 32] [--rounds 3] [--width 32] [--classes 10 100 1000] [--device cpu]

CPU seconds of this process (wall-clock seconds on CUDA), medians of ratios over interleaved rounds. The network is a
ResNet-18 for 32 x 32 images with random weights; no image leaves the batch, so that both sides take every step.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torchvision.models.resnet import BasicBlock

from bnnaudit.attacks import run_attack
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Method
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.hessian_scaling import (
    GRID,
    LEAST_LOG_RHO,
    best_betas,
    centred_norm,
    search_grid,
    temperature_bound,
)
from bnnaudit.numerics.jacobian import centred_gram_matrix
from tests.toy import batch_of, target_of

ASKED: Mapping[int, Mapping[Method, Mapping[BetaRule, float]]] = {
    10: {
        Method.FGSM: {BetaRule.HNS_LOGIT: 1.1, BetaRule.HNS: 6.0},
        Method.PGD: {BetaRule.TRACKED: 1.03, BetaRule.HNS: 1.35},
    },
    100: {Method.PGD: {BetaRule.TRACKED: 1.03, BetaRule.HNS_SKETCH: 1.3}},
    1000: {Method.PGD: {BetaRule.TRACKED: 1.03, BetaRule.HNS_SKETCH: 1.3}},
}
"""Classes -> attack -> rule -> the most that it may cost over the plain attack."""
THREAT = Threat(Norm.LINF, 8 / 255)
NAIVE_IMAGES = 2
"""Images that the published way is timed on; the time of an image is the same for all."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """One line of the table; `most` is what is asked for, or the least where `at_least`."""

    what: str
    value: float
    most: float
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the figure is as asked for."""
        return self.value >= self.most if self.at_least else self.value <= self.most

    def __str__(self) -> str:
        sign, word = ">=" if self.at_least else "<=", "met" if self.met else "missed"
        return f"| {self.what} | {self.value:.3g} | {sign} {self.most:g} | {word} |"


def resnet18(width: int, classes: int) -> nn.Sequential:
    """ResNet-18 for small images: a 3 x 3 stem, no pooling before the first stage; seeded weights, logits of scale 10."""
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
        network = _folded(network.eval())
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


def setting(width: int, classes: int, images: int, device: str) -> tuple[Target, Batch]:
    """The network with as many uniform images, labelled by its own answers."""
    target = replace(target_of(resnet18(width, classes).to(device), (3, 32, 32), classes), device=torch.device(device))
    pixels = torch.rand(images, 3, 32, 32, generator=torch.Generator().manual_seed(1)).to(device)
    return target, batch_of(target, pixels).to(torch.device(device))


def seconds(work: Callable[[], object], device: str) -> float:
    """Of the processor, so that other work on the machine does not count; of the wall clock on CUDA."""
    if device == "cpu":
        started = time.process_time()
        work()
        return time.process_time() - started
    torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - started


def median_ratios(
    base: Callable[[], object], others: Mapping[str, Callable[[], object]], rounds: int, device: str
) -> dict[str, float]:
    """Each of `others` over `base`: the median over rounds in which every one runs once, after one round that is not counted."""
    ratios: dict[str, list[float]] = {name: [] for name in others}
    base()
    for work in others.values():
        work()
    for _ in range(rounds):
        reference = seconds(base, device)
        for name, work in others.items():
            ratios[name].append(seconds(work, device) / reference)
    return {name: statistics.median(values) for name, values in ratios.items()}


def attack(method: Method, rule: BetaRule, target: Target, batch: Batch) -> Callable[[], object]:
    """PGD takes 20 steps; no image leaves at its first success."""
    settings = AttackSettings(method, steps=1 if method is Method.FGSM else 20, beta=Beta(rule), stop_at_success=False)
    return lambda: run_attack(settings, target, batch, THREAT, seed=0)


def attack_ratios(classes: int, width: int, images: int, rounds: int, device: str) -> list[Ratio]:
    """FGSM++ over FGSM and PGD++ over PGD."""
    target, batch = setting(width, classes, images, device)
    found = []
    for method, rules in ASKED[classes].items():
        others = {str(rule): attack(method, rule, target, batch) for rule in rules}
        ratios = median_ratios(attack(method, BetaRule.NONE, target, batch), others, rounds, device)
        found += [
            Ratio(f"{method}++ {rule} / {method}, {classes} classes", ratios[str(rule)], most)
            for rule, most in rules.items()
        ]
    return found


def naive_beta(network: nn.Module, image: Tensor, label: int) -> float:
    """HNS as it was published: for one image, an N x N Hessian at each of 100 temperatures.

    Its norm is taken for the comparison, for the largest so far and for the record, as there.
    """
    with torch.no_grad():
        logits = network(image[None])
    classes = logits.shape[1]
    if int(logits.argmax()) != label:
        return 1.0
    copies = image.expand(classes, *image.shape).clone().requires_grad_()
    network(copies).backward(torch.eye(classes, device=image.device))
    assert copies.grad is not None
    jacobian = copies.grad.flatten(1)
    top = logits[0].sort(descending=True).values
    gap = (top[0] - top[1])[None]
    first = float(temperature_bound(math.log(1 - 1 / classes - 0.01), classes, gap))
    last = float(temperature_bound(LEAST_LOG_RHO, classes, gap))
    betas = torch.linspace(first, last, GRID, dtype=torch.float64).tolist()
    norms, largest = [], 0.0
    for beta in betas:
        p = torch.softmax(beta * logits[0], dim=0)
        softmax_jacobian = torch.diag(p) - torch.outer(p, p)
        hessian = beta * ((beta * softmax_jacobian @ jacobian).T @ jacobian)
        if float(hessian.norm()) > largest:
            largest = float(hessian.norm())
        norms.append(float(hessian.norm()))
    best = max(range(GRID), key=norms.__getitem__)
    return betas[best] if 0 < best < GRID - 1 else 1.0


def published_ratio(width: int, images: int, device: str) -> tuple[Ratio, Ratio]:
    """The published loop's time for an image over ours, and the largest relative difference of their b."""
    target, batch = setting(width, 10, max(images, NAIVE_IMAGES), device)
    found: list[Tensor] = []

    def ours() -> None:
        logits, gram = centred_gram_matrix(target.network, batch.images)
        found.append(best_betas(logits, batch.labels, centred_norm(logits, gram), search_grid))

    def theirs() -> list[float]:
        pairs = zip(batch.images[:NAIVE_IMAGES], batch.labels[:NAIVE_IMAGES].tolist(), strict=True)
        return [naive_beta(target.network, image, label) for image, label in pairs]

    ours()
    fast = statistics.median(seconds(ours, device) for _ in range(3)) / len(batch)
    expected: list[float] = []
    slow = seconds(lambda: expected.extend(theirs()), device) / NAIVE_IMAGES
    difference = max(abs(float(b) / e - 1) for b, e in zip(found[0][:NAIVE_IMAGES], expected, strict=True))
    return (
        Ratio("HNS for an image as published / here", slow / fast, 100, at_least=True),
        Ratio("largest relative difference of b", difference, 1e-3),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 where a figure is not as asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--classes", type=int, nargs="*", default=list(ASKED), choices=list(ASKED))
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    rows = [*published_ratio(given.width, given.images, given.device)]
    for classes in given.classes:
        rows += attack_ratios(classes, given.width, given.images, given.rounds, given.device)
    lines = ["| what | measured | asked for | |", "|---|---|---|---|", *map(str, rows)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if all(row.met for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
