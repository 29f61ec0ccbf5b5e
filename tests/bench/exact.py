"""Whether an adversarial image exists for a fully connected network of signs: a mixed-integer program, solved by HiGHS.

Each unit whose sign is open within the ball is a binary variable, the pixels are continuous, and a logit row says that
another class wins; a row that cannot bind is left out. Units that cannot change are constants. Interval bounds make each
"big M" the smallest that holds; a program is solved for each class that the bounds allow.

Two programs bracket the truth. In the loose one a unit may take either sign where its sum is within SLACK of the
threshold: if it has no solution, no image that float32 arithmetic could tell from one exists, and the image is robust. A
solution of it, or of the strict one, in which every sum keeps SLACK away from its threshold, is given to the network
itself, and only what the network gets wrong is an adversarial image. The rest (no proof in the time allowed, or an
adversarial image within SLACK of the thresholds alone that does not replay) is undecided, and widens the interval in which
the true robust accuracy lies.

Sums over units are sums of whole numbers where the weights are, so that a threshold moves half way between two of them.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import torch
from scipy import optimize, sparse

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.norms import project_linf
from bnnaudit.quantization.binary_network import Array, BinaryLayer, BinaryNetwork, read_binary_network

SLACK = 1e-4
"""Of a sum whose row's largest weight is 1, over pixels in [0, 1].

Near a threshold float32 was off by at most 3e-5 for the 784 pixels of MNIST, and the solver keeps a row to 1e-6.
"""
TINY = 1e-9
"""Rounding of float64."""
INFEASIBLE = 2
"""scipy's status of a program that has no solution."""


class Answer(StrEnum):
    """What is known of an image."""

    ROBUST = "robust"
    ADVERSARIAL = "adversarial"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Proof:
    """The answer for one image, with the adversarial image (1, ...) where there is one, and the seconds it took."""

    answer: Answer
    image: torch.Tensor | None = None
    seconds: float = 0.0


def verify(target: Target, batch: Batch, threat: Threat, seconds: float = 60.0) -> list[Proof]:
    """A proof for each of N images that are classified correctly, within `seconds` each; L-inf only."""
    if threat.norm is not Norm.LINF:
        raise ValueError("an L-inf ball is what the program can state")
    network = read_binary_network(target, tuple(batch.images.shape[1:]), "the exact verifier")
    return [_verified(target, network, batch.select(slice(i, i + 1)), threat, seconds) for i in range(len(batch))]


def _verified(target: Target, network: BinaryNetwork, one: Batch, threat: Threat, seconds: float) -> Proof:
    """The proof for the only image of `one`."""
    started, open_goals, label = time.perf_counter(), False, int(one.labels)
    for goal in range(len(network.bias)):
        if goal == label:
            continue
        closed = False
        for slack in (SLACK, -SLACK):
            program = _program(network, one, threat, goal, slack)
            left = seconds - (time.perf_counter() - started)
            pixels, is_proof = (None, True) if program is None else _solved(program, left)
            closed |= is_proof and slack > 0
            if pixels is None:
                break
            broken = _image(pixels, one, threat)
            if int(target.deployed(broken).argmax(dim=1)) != label:
                return Proof(Answer.ADVERSARIAL, broken, time.perf_counter() - started)
        open_goals |= not closed
    return Proof(Answer.UNDECIDED if open_goals else Answer.ROBUST, seconds=time.perf_counter() - started)


def _image(pixels: Array, one: Batch, threat: Threat) -> torch.Tensor:
    """The image (1, ...) in the network's range, in ball and box as float32 knows them."""
    box = threat.box
    point = torch.from_numpy(box.low + box.width * pixels).to(one.images).view_as(one.images)
    return project_linf(point, one.images, threat.radius, box.low, box.high)


@dataclass(slots=True)
class _Program:
    """Find v, lower <= v <= upper, with matrix @ v >= least: the pixels in [0, 1], then one binary variable for each unit."""

    pixels: int
    lower: Array
    upper: Array
    matrix: list[Array] = field(default_factory=list)
    least: list[Array] = field(default_factory=list)

    def require(
        self, start: int, weights: Array, least: Array, unit: int | None = None, gaps: Array | None = None
    ) -> None:
        """Rows weights (r, m) @ v[start : start + m] >= least (r,), loosened by gaps (r,) where units (r,) are the other way.

        A positive gap counts where the unit is -1, a negative one where it is +1.
        """
        rows = np.zeros((len(least), len(self.lower)))
        rows[:, start : start + weights.shape[1]] = weights
        if unit is not None and gaps is not None:
            rows[np.arange(len(least)), unit + np.arange(len(least))] = -gaps
        self.matrix.append(rows)
        self.least.append(least - np.maximum(gaps, 0) if gaps is not None else least)


def _program(network: BinaryNetwork, one: Batch, threat: Threat, goal: int, slack: float) -> _Program | None:
    """The program in which `goal` wins over the label; None where interval bounds show that it has no solution.

    slack > 0: a unit may take either sign where its sum is that near to its threshold; < 0: no sum may be that near.
    """
    box, label = threat.box, int(one.labels)
    image = (one.images.flatten().double().numpy() - box.low) / box.width
    units = sum(len(layer.bias) for layer in network.layers)
    program = _Program(
        len(image),
        np.concatenate([np.clip(image - threat.eps, 0, 1), np.zeros(units)]),
        np.concatenate([np.clip(image + threat.eps, 0, 1), np.ones(units)]),
    )
    start, size = 0, len(image)
    for index, layer in enumerate(network.layers):
        if index == 0:  # over pixels in [0, 1]
            weights, bias = layer.weights, (layer.bias + layer.weights.sum(axis=1) * box.low) / box.width
            needed, allowed = np.full(len(bias), -slack), np.full(len(bias), slack)
        else:  # over u in {0, 1}, the unit being 2 u - 1
            weights, bias = 2 * layer.weights, layer.bias - layer.weights.sum(axis=1)
            needed, allowed = _thresholds(layer, slack)
        if not _add_layer(program, start, weights, bias, needed, allowed, start + size):
            return None
        start, size = start + size, len(bias)
    row = network.weights[goal] - network.weights[label]
    constant = network.bias[goal] - network.bias[label]
    needed = _lead(row, constant, slack, goal < label)
    most = np.maximum(2 * row, 0) @ program.upper[start:] + np.minimum(2 * row, 0) @ program.lower[start:]
    if most - row.sum() + constant < needed - TINY:
        return None
    program.require(start, 2 * row[None], np.array([needed + row.sum() - constant]))
    return program


def _add_layer(
    program: _Program, start: int, weights: Array, bias: Array, needed: Array, allowed: Array, unit: int
) -> bool:
    """Units whose sums are weights (r, m) @ v[start : start + m] + bias (r,): +1 needs sum >= needed, -1 sum <= allowed.

    The r variables from `unit` on are 1 where the unit is +1. False where a unit can be neither.
    """
    low, high = program.lower[start : start + weights.shape[1]], program.upper[start : start + weights.shape[1]]
    positive, negative = np.maximum(weights, 0), np.minimum(weights, 0)
    least, most = positive @ low + negative @ high + bias, positive @ high + negative @ low + bias
    can_rise, can_fall = most >= needed - TINY, least <= allowed + TINY
    program.lower[unit : unit + len(bias)] = np.where(can_fall, 0.0, 1.0)
    program.upper[unit : unit + len(bias)] = np.where(can_rise, 1.0, 0.0)
    program.require(start, weights, needed - bias, unit, np.maximum(needed - least, 0))
    program.require(start, -weights, bias - allowed, unit, np.minimum(allowed - most, 0))
    return bool((can_rise | can_fall).all())


def _thresholds(layer: BinaryLayer, slack: float) -> tuple[Array, Array]:
    """What a sum over units must reach for +1, and not exceed for -1 (r,): the next sums that there are, if weights are +-1."""
    needed, allowed = np.full(len(layer.bias), -slack), np.full(len(layer.bias), slack)
    whole = (np.abs(np.abs(layer.weights) - np.rint(np.abs(layer.weights))) < TINY).all(axis=1)
    count = np.abs(np.rint(layer.weights)).sum(axis=1)  # sums without bias are count, count - 2, ..., -count
    above = count + 2 * np.ceil((needed - layer.bias - count) / 2) + layer.bias
    below = count + 2 * np.floor((allowed - layer.bias - count) / 2) + layer.bias
    return np.where(whole, above, needed), np.where(whole, below, allowed)


def _lead(row: Array, constant: float, slack: float, wins_ties: bool) -> float:
    """The least lead of a class over the label with which it wins: argmax takes the first of equals.

    Logits of whole numbers are exact in float32; others may be off.
    """
    if (row == np.rint(row)).all() and constant == np.rint(constant):
        return 0.0 if wins_ties else 1.0
    return -slack * float(np.abs(row).max(initial=0.0))


def _solved(program: _Program, seconds: float) -> tuple[Array | None, bool]:
    """The pixels of a solution, or None; and whether there being none is proven."""
    if seconds <= 0:
        return None, False
    whole = np.arange(len(program.lower)) >= program.pixels
    constraint = optimize.LinearConstraint(
        sparse.csr_array(np.concatenate(program.matrix)), np.concatenate(program.least), np.inf
    )
    with _quiet():
        found = optimize.milp(
            np.zeros(len(program.lower)),
            integrality=whole.astype(np.uint8),
            bounds=optimize.Bounds(program.lower, program.upper),
            constraints=constraint,
            options={"time_limit": seconds},
        )
    return (None if found.x is None else found.x[: program.pixels]), found.status == INFEASIBLE


@contextmanager
def _quiet() -> Iterator[None]:
    """Standard output closed to the solver, which leaves remarks there whatever it is told."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
