"""What the temperature rules cost: ratios to the plain attack, and Hessian scaling against a loop as it was published.

    python -m tests.bench.hns_cost [--images 32] [--rounds 3] [--width 32] [--classes 10 100 1000] [--device cpu]

Wall-clock seconds (the processor's with one thread), medians of ratios over interleaved rounds. The network is a
ResNet-18 for 32 x 32 images with random weights; no image leaves the batch, so that both sides take every step.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from bnnaudit.attacks.context import prepared
from bnnaudit.attacks.gradient import pgd
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Beta, BetaRule, Fgsm, Method, settings_of
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.models.speed import speed_up
from bnnaudit.numerics.hessian_scaling import (
    GRID,
    LEAST_LOG_RHO,
    best_betas,
    centred_norm,
    search_grid,
    temperature_bound,
)
from bnnaudit.numerics.jacobian import centred_gram_matrix
from tests.bench.small_networks import resnet18
from tests.bench.timing import Figure, median_ratios, seconds, table
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
NJS_RULES = (BetaRule.NONE, BetaRule.NJS)
NAIVE_IMAGES = 2
"""Images that the published way is timed on; the time of an image is the same for all."""


def setting(width: int, classes: int, images: int, device: str) -> tuple[Target, Batch]:
    """The network as it is attacked, with as many uniform images, labelled by its own answers."""
    place = torch.device(device)
    pixels = torch.rand(images, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    network = speed_up(resnet18(width, classes).requires_grad_(False), pixels, False, place)
    target = replace(target_of(network.to(place), (3, 32, 32), classes), device=place)
    return target, batch_of(target, pixels.to(place)).to(place)


def attack(method: Method, rule: BetaRule, target: Target, batch: Batch) -> Callable[[], object]:
    """PGD takes 20 steps; no image leaves at its first success."""
    settings = settings_of(method, steps=1 if method is Method.FGSM else 20, beta=Beta(rule), stop_at_success=False)
    return lambda: run_attack(settings, target, batch, THREAT, seed=0)


def attack_ratios(classes: int, width: int, images: int, rounds: int, device: str) -> list[Figure]:
    """FGSM++ over FGSM and PGD++ over PGD."""
    target, batch = setting(width, classes, images, device)
    found = []
    for method, rules in ASKED[classes].items():
        others = {str(rule): attack(method, rule, target, batch) for rule in rules}
        ratios = median_ratios(attack(method, BetaRule.NONE, target, batch), others, rounds, device)
        found += [
            Figure(f"{method}++ {rule} / {method}, {classes} classes", ratios[str(rule)], most)
            for rule, most in rules.items()
        ]
    return found


def njs_ratios(width: int, images: int, rounds: int, device: str) -> list[Figure]:
    """FGSM++ (NJS) over FGSM once its b1 is known, and what finding b1 costs, once a run, in FGSMs of as many images."""
    target, batch = setting(width, 10, images, device)
    settings = {rule: Fgsm(beta=Beta(rule), stop_at_success=False) for rule in NJS_RULES}
    contexts = {rule: prepared(settings[rule], target, THREAT, batch, 0, images, lambda _: None) for rule in NJS_RULES}
    works = {rule: partial(pgd.attack, settings[rule], contexts[rule], batch) for rule in NJS_RULES}
    fitting = partial(prepared, settings[BetaRule.NJS], target, THREAT, batch, 0, images, lambda _: None)
    ratios = median_ratios(works[BetaRule.NONE], {"njs": works[BetaRule.NJS], "b1": fitting}, rounds, device)
    return [
        Figure("fgsm++ njs / fgsm, 10 classes, b1 known", ratios["njs"], 1.1),
        Figure(f"b1 of {images} images, once a run / fgsm of as many", ratios["b1"]),
    ]


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


def published_ratio(width: int, images: int, device: str) -> tuple[Figure, Figure]:
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
        Figure("HNS for an image as published / here", slow / fast, 100, at_least=True),
        Figure("largest relative difference of b", difference, 1e-3),
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
    figures = measured(given.images, given.rounds, given.width, given.classes, given.device)
    sys.stdout.write(table(figures))
    return 0 if all(figure.met for figure in figures) else 1


def measured(images: int, rounds: int, width: int, classes: Sequence[int], device: str) -> list[Figure]:
    """All figures."""
    found = [*published_ratio(width, images, device), *njs_ratios(width, images, rounds, device)]
    for count in classes:
        found += attack_ratios(count, width, images, rounds, device)
    return found


if __name__ == "__main__":
    sys.exit(main())
