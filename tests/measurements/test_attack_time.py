"""The time of an attack on single images: one figure for each, the quickest of several, nothing fitted in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from bnnaudit.core.attack import Beta, BetaRule, Fgsm
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.measurements import attack_time
from bnnaudit.measurements.attack_time import REPEATS, attack_seconds
from tests.toy import batch_of, small_network, target_of

ATTACKS = (Fgsm(), Fgsm(beta=Beta(BetaRule.NJS)))
THREAT = Threat(Norm.LINF, 0.1)
TARGET = target_of(small_network(), (6,), 4)
BATCH = batch_of(TARGET, torch.rand(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))


def test_of_several_times_the_shortest_counts_and_the_first_round_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock by which each attack takes a second longer than the one before; the warm-up's two, the shortest, are not timed."""
    sizes: list[int] = []

    def clock() -> Iterator[float]:
        now, attack = 0.0, 0
        while True:
            yield now
            attack += 1
            now += attack
            yield now

    ticks = clock()
    monkeypatch.setattr(attack_time.time, "perf_counter", lambda: next(ticks))
    monkeypatch.setattr(attack_time.pgd, "attack", lambda settings, context, one: sizes.append(len(one)))
    seconds = attack_seconds(ATTACKS, TARGET, BATCH, THREAT, 0)
    assert sizes == [1] * (2 + 3 * REPEATS * 2)
    first = [2 + image * 2 * REPEATS for image in range(3)]
    assert seconds.tolist() == [first, [number + 1 for number in first]]


def test_times_are_positive_and_without_images_there_are_none() -> None:
    assert (attack_seconds(ATTACKS, TARGET, BATCH, THREAT, 0) > 0).all()
    assert attack_seconds(ATTACKS, TARGET, BATCH.select(slice(0, 0)), THREAT, 0).shape == (2, 0)
