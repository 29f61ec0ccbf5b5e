"""Which counterexamples a run keeps, and by what name."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from bnnaudit.auditing.counterexamples import SHOWN, Counterexample, Counterexamples, attack_words, worth_a_look
from bnnaudit.auditing.replay_check import Replay
from bnnaudit.auditing.serving import Reading
from bnnaudit.core.attack import Beta, LossKind, Pgd, Square
from bnnaudit.core.batch import Batch
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.core.trial import Source, Trial

THREAT = Threat(Norm.LINF, 0.1, Box(0.0, 10.0))
TRIAL = Trial(Pgd(), THREAT)
ORIGINALS = Batch(torch.full((3, 2), 5.0), torch.tensor([0, 1, 1]), torch.tensor([10, 20, 30]))


def seen(fooled: list[bool], classes: list[int] = [2, 2, 2], margin: float = -1.0) -> Replay:  # noqa: B006 - only read
    wrong = torch.tensor(fooled)
    return Replay(wrong, wrong, Reading(torch.tensor(classes), torch.full((3,), margin)))


def moved(*shifts: float) -> Tensor:
    return ORIGINALS.images + torch.tensor(shifts)[:, None]


def test_the_first_counterexample_stays_until_a_nearer_one_comes() -> None:
    kept = Counterexamples(THREAT, keep_all=True)
    kept.add(TRIAL, ORIGINALS, moved(1.0, 1.0, 0.5), seen([True, True, False]))
    kept.add(Trial(Square(), THREAT), ORIGINALS, moved(0.9999, 0.5, 1.0), seen([True, True, True], [1, 0, 3], -2.0))
    first, second, third = kept.of([10, 20, 30])
    assert (first.prediction, first.fooled_by, first.margin) == (2, "pgd", -1.0)
    assert first.distance == pytest.approx(0.1)
    assert (second.prediction, second.fooled_by, second.margin) == (0, "square", -2.0)
    assert second.distance == pytest.approx(0.05)
    assert third.prediction == 3
    for one, value in zip((first, second, third), (6.0, 5.5, 6.0), strict=True):
        assert one.image is not None
        assert one.image.tolist() == pytest.approx([value, value])


@pytest.mark.parametrize("threat", [replace(THREAT, eps=0.2), replace(THREAT, norm=Norm.L2)], ids=["larger", "L2"])
def test_what_another_threat_allows_shows_nothing(threat: Threat) -> None:
    kept = Counterexamples(THREAT)
    kept.add(Trial(Pgd(), threat), ORIGINALS, moved(1, 1, 1), seen([True, True, True]))
    assert kept.of([10, 20, 30]) == []
    kept.add(Trial(Pgd(), replace(THREAT, eps=0.05)), ORIGINALS, moved(0.5, 0.5, 0.5), seen([True, False, False]))
    assert [one.index for one in kept.of([10, 20, 30])] == [10]


def of(index: int, label: int, distance: float) -> Counterexample:
    return Counterexample(index, label, label + 1, -1.0, distance, "pgd")


def test_the_nearest_ones_of_different_classes_come_first() -> None:
    found = [of(0, 0, 0.1), of(1, 0, 0.2), of(2, 1, 0.3), of(3, 2, 0.3), of(4, 1, 0.05)]
    assert [one.index for one in worth_a_look(found)] == [4, 0, 3, 1, 2]
    assert [one.index for one in worth_a_look([of(n, n % 3, 0.1) for n in range(20)])] == list(range(SHOWN))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9)), max_size=80))
def test_images_that_are_worth_a_look_are_never_lost(steps: list[tuple[int, int]]) -> None:
    """Images are dropped as soon as eight others are before them: none of these may be wanted back."""
    few, everything = Counterexamples(THREAT), Counterexamples(THREAT, keep_all=True)
    for index, tenths in steps:
        batch = Batch(torch.zeros(1, 2), torch.tensor([index % 4]), torch.tensor([index]))
        for kept in (few, everything):
            kept.add(TRIAL, batch, torch.full((1, 2), tenths / 10), replace_of_one())
    wanted = worth_a_look(everything.found.values())
    assert [one.index for one in worth_a_look(few.found.values())] == [one.index for one in wanted]
    for one, same in zip(worth_a_look(few.found.values()), wanted, strict=True):
        assert one.image is not None
        assert same.image is not None
        assert one.image.equal(same.image)
    assert sum(one.image is not None for one in few.found.values()) == min(SHOWN, len(few.found))


def replace_of_one() -> Replay:
    wrong = torch.tensor([True])
    return Replay(wrong, wrong, Reading(torch.tensor([9]), torch.tensor([-1.0])))


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        (Trial(Pgd(), THREAT), "pgd"),
        (Trial(Pgd(beta=Beta.parse("hns")), THREAT), "pgd++ hns"),
        (Trial(Pgd(loss=LossKind.MARGIN, restarts=10), THREAT), "pgd margin, 10 restarts"),
        (Trial(Pgd(surrogate=Surrogate.parse("triangular:0.5")), THREAT), "pgd triangular:0.5"),
        (Trial(Pgd(), THREAT, Source.SUBSTITUTE), "pgd from the substitute"),
        (Trial(Pgd(), THREAT, Source.AVERAGED), "pgd averaged"),
    ],
)
def test_attacks_are_told_apart_by_their_words(trial: Trial, words: str) -> None:
    assert attack_words(trial) == words


def test_the_answer_is_that_of_a_session_that_is_wrong() -> None:
    """Labels 0; the exact session is right on the first image only, the default one on the second."""
    exact, default = torch.tensor([[3.0, 1.0], [1.0, 3.0]]), torch.tensor([[0.0, 5.0], [5.0, 0.0]])
    labels = torch.zeros(2, dtype=torch.int64)
    readings = {kind: Reading.of(exact, default, kind, labels) for kind in ServeAs}
    assert readings[ServeAs.ANY].classes.tolist() == [1, 1]
    assert readings[ServeAs.ANY].margins.tolist() == [-5.0, -2.0]
    assert readings[ServeAs.EXACT].classes.tolist() == [0, 1]
    assert readings[ServeAs.DEFAULT].margins.tolist() == [-5.0, 5.0]
