"""Parts of a batch, and what becomes of them when memory runs out."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bnnaudit.attacks.chunks import attack_in_parts
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import AttackSettings, Pgd
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.threat import Norm, Threat
from tests.attacks.linear import BIAS, WEIGHTS, linear_images
from tests.toy import batch_of, linear_target

THREAT = Threat(Norm.LINF, 0.04)
SETTINGS = Pgd(steps=7)


class Cramped:
    """PGD on a machine that has room for so many images, and that notices only at the end of the attack."""

    def __init__(self, room: int, error: Exception) -> None:
        self.room, self.error = room, error
        self.sizes: list[int] = []

    def __call__(self, settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
        self.sizes.append(len(batch))
        outcome = run_attack(settings, context.target, batch, context.threat, 0, on_progress=context.on_progress)
        if len(batch) > self.room:
            raise self.error
        return outcome


def attacked(attack: Cramped, images: int, told: list[int]) -> Outcome:
    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(images))
    context = prepared(SETTINGS, target, THREAT, batch, 0, 8, told.append)
    return Outcome.joined(attack_in_parts(attack, SETTINGS, context, batch, whole=False), batch.images)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
    ],
)
def test_parts_are_halved_and_nothing_is_lost_or_told_twice(error: Exception) -> None:
    told: list[int] = []
    attack = Cramped(3, error)
    outcome = attacked(attack, 18, told)
    assert attack.sizes == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2, 2]
    assert sum(told) == 18 * SETTINGS.steps
    roomy = attacked(Cramped(99, error), 18, [])
    assert torch.equal(outcome.images, roomy.images)
    assert torch.equal(outcome.fooled, roomy.fooled)


def test_what_single_images_do_not_fit_into_is_raised() -> None:
    with pytest.raises(MemoryError):
        attacked(Cramped(0, MemoryError()), 4, [])


def test_another_error_is_nothing_to_shrink_for() -> None:
    attack = Cramped(0, RuntimeError("shapes do not fit"))
    with pytest.raises(RuntimeError, match="shapes"):
        attacked(attack, 4, [])
    assert attack.sizes == [4]


def test_an_attack_on_everything_gets_a_smaller_batch_size() -> None:
    sizes: list[int] = []

    def attack(settings: AttackSettings, context: Context, batch: Batch) -> Outcome:
        sizes.append(context.batch_size)
        if context.batch_size > 2:
            raise MemoryError
        return run_attack(settings, context.target, batch, context.threat, 0)

    target = linear_target(WEIGHTS, BIAS)
    batch = batch_of(target, linear_images(5))
    context = replace(prepared(SETTINGS, target, THREAT, batch, 0, 8, lambda _: None), batch_size=8)
    (outcome,) = attack_in_parts(attack, SETTINGS, context, batch, whole=True)
    assert len(outcome.images) == 5
    assert sizes == [8, 2]
