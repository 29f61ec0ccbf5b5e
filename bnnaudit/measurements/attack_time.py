"""How long an attack takes for one image by itself ([Gupta & Ajanthan 2022], Table 7)."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.attacks.context import prepared
from bnnaudit.attacks.gradient import pgd
from bnnaudit.core.attack import Climb
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat

REPEATS = 5
"""As many as Python's timeit takes by default."""


def attack_seconds(
    attacks: Sequence[Climb], target: Target, batch: Batch, threat: Threat, seed: int
) -> NDArray[np.float64]:
    """Seconds (attacks, N) of FGSM or PGD on each of N images, in batches of one.

    What is common to all images, such as b1 of NJS, is fitted beforehand and not timed. Each image is attacked by all attacks
    in turn, `REPEATS` times, of which the fastest counts: the others were slowed down by other work on the machine. The first
    image is attacked once beforehand, to warm up.
    """
    contexts = [prepared(each, target, threat, batch, seed, 1, lambda _: None) for each in attacks]
    seconds = np.full((len(attacks), len(batch)), np.inf)
    rounds = [*range(min(1, len(batch))), *(row for row in range(len(batch)) for _ in range(REPEATS))]
    for turn, row in enumerate(rounds):
        one = batch.select(slice(row, row + 1))
        for index, (settings, context) in enumerate(zip(attacks, contexts, strict=True)):
            started = time.perf_counter()
            pgd.attack(settings, context, one)
            if one.images.is_cuda:
                torch.cuda.synchronize(one.images.device)
            if turn:
                seconds[index, row] = min(seconds[index, row], time.perf_counter() - started)
    return seconds
