"""How many threads an audit computes with: measured, because small networks are slower on two than on one."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from bnnaudit.auditing.batch_size import bytes_per_image
from bnnaudit.core.cpu_cores import usable_cores
from bnnaudit.core.target import Target
from bnnaudit.numerics.threads import working_threads

IMAGES = 64
"""Most images of a batch that are timed. Not tuned."""
GAIN = 0.75
"""Largest share of the time on half as many threads: a smaller gain is not worth the cores. Not tuned."""
SMALL = 32 * 2**20
"""Bytes that a pass over the timed images keeps for the way back, below which a network whose last bits depend on the number
stays on one thread: a reproducible figure is worth more than a part of a minute. Not tuned."""
TIMED = 0.01
"""Seconds, at least, that are spent on timing a number of threads, once `RUNS` are done."""
RUNS = 3
"""Timed passes on each number of threads, at least. Not tuned."""
ODD_BATCHES = (1, 3, 7)
"""Batches, beside the timed one, at which the bits are compared: MKL splits sums between threads where a matrix has few rows
(on two threads it gives other bits for 1, 3 or 7 rows, and the same for 8 to 256)."""
DEPENDENT = ("attacks", "signal", "sweeps", "cures", "findings", "verdict")
"""Parts of a report that rest on the differentiable copy; answers of the deployed model do not."""


@dataclass(frozen=True, slots=True)
class Threads:
    """A number of threads. dependent: parts of the report whose last bits are others on one thread, as far as was tried."""

    count: int
    dependent: tuple[str, ...] = ()


def most_threads(asked: int | None) -> int:
    """As many as asked for; else what PyTorch was given, and no more than the cores that may be used."""
    return asked or min(torch.get_num_threads(), usable_cores())


def fitting_threads(target: Target, images: Tensor, asked: int | None = None) -> Threads:
    """The threads to attack the target with; images (N, ...), N >= 1, are of the sample, as many as a batch holds.

    What was asked for; else the number that is quickest, doubled as long as it pays. A small network whose bits depend on the
    number stays on one thread, a large one takes all: by its size, as a choice by the clock could be another one the next time.
    """
    most = most_threads(asked)
    if most == 1 or target.device.type != "cpu":
        return Threads(most)
    images = images[:IMAGES]
    with torch.random.fork_rng(devices=[]):
        dependent = DEPENDENT if _bits_depend(target, images, most) else ()
        if asked:
            return Threads(asked, dependent)
        if dependent:
            is_small = len(images) * bytes_per_image(target, images) < SMALL
            return Threads(1) if is_small else Threads(most, dependent)
        return Threads(_quickest(target, images, most))


def _bits_depend(target: Target, images: Tensor, most: int) -> bool:
    """Whether logits or their gradient have other bits on `most` threads than on one."""
    sizes = dict.fromkeys(size for size in (*ODD_BATCHES, len(images)) if size <= len(images))
    for size in sizes:
        with working_threads(1):
            alone = _passed(target, images[:size])
        with working_threads(most):
            together = _passed(target, images[:size])
        pairs = zip(alone, together, strict=True)
        if not all(torch.allclose(one, other, rtol=0, atol=0, equal_nan=True) for one, other in pairs):
            return True
    return False


def _quickest(target: Target, images: Tensor, most: int) -> int:
    """The number, doubled from one on, beyond which a pass does not become quicker by enough."""
    count, taken = 1, _seconds(target, images, 1)
    while count < most:
        doubled = min(2 * count, most)
        needed = _seconds(target, images, doubled)
        if needed > GAIN * taken:
            break
        count, taken = doubled, needed
    return count


def _seconds(target: Target, images: Tensor, count: int) -> float:
    """Wall-clock seconds of a forward and backward pass on `count` threads: the fastest of a few, least disturbed by other
    work."""
    found: list[float] = []
    with working_threads(count):
        while len(found) < RUNS or sum(found) < TIMED:
            started = time.perf_counter()
            _passed(target, images)
            found.append(time.perf_counter() - started)
    return min(found)


def _passed(target: Target, images: Tensor) -> tuple[Tensor, ...]:
    """Logits (N, d) of images (N, ...), and the gradient (N, ...) of the loss where the network has one."""
    points = images.to(target.device).detach().clone().requires_grad_()
    with torch.enable_grad():
        logits = target.logits(points)
        if not logits.requires_grad:
            return (logits,)
        loss = torch.nn.functional.cross_entropy(logits, logits.detach().argmax(dim=1), reduction="sum")
        (gradient,) = torch.autograd.grad(loss, points, allow_unused=True, materialize_grads=True)
    return logits.detach(), gradient
