"""What the referee lets pass on an input of whole numbers, and whose word counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bnnaudit.auditing.replay_check import ForeignPerturbationError, check_threat, predict, replay
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Cost, Outcome
from bnnaudit.core.threat import Box, InputGrid, Norm, Threat
from tests.toy import linear_target, target_of

UINT16 = InputGrid("uint16", (0.0,), (65535.0,), (65535,))


def threat(norm: Norm, steps: float) -> Threat:
    return Threat(norm, steps / 65535, Box(0.0, 65535.0), grid=UINT16)


@pytest.mark.parametrize(
    ("norm", "steps", "shift", "told"),
    [
        (Norm.LINF, 2.9, (2.0, -2.0), ""),
        (Norm.LINF, 2.9, (3.0, 0.0), "left the linf ball: 3 > 2"),
        (Norm.LINF, 2.9, (1.5, 0.0), "left the grid of the uint16 input"),
        (Norm.L2, 5.0, (3.0, 4.0), ""),
        (Norm.L2, 4.9, (3.0, 4.0), "left the l2 ball"),
        (Norm.L2, 1.0, (1.0, 1.0), "left the l2 ball"),
    ],
)
def test_whole_steps_are_told_apart_however_many_there_are(
    norm: Norm, steps: float, shift: tuple[float, float], told: str
) -> None:
    originals = torch.full((1, 2), 40000.0)
    images = originals + torch.tensor([shift])
    if not told:
        check_threat(originals, images, threat(norm, steps))
        return
    with pytest.raises(ForeignPerturbationError, match=told):
        check_threat(originals, images, threat(norm, steps))


@pytest.mark.parametrize("norm", [Norm.LINF, Norm.L2])
def test_an_image_of_no_numbers_is_in_no_ball(norm: Norm) -> None:
    originals = torch.full((1, 2), 0.5)
    with pytest.raises(ForeignPerturbationError, match="left the box"):
        check_threat(originals, torch.tensor([[0.5, torch.nan]]), Threat(norm, 0.1))


class Fixed(torch.nn.Module):
    """A network that reshapes its scores to those of one image, which fails where there is none."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.reshape(-1)[:2].reshape(1, 2)


def test_no_images_have_no_classes_whatever_the_network_makes_of_them() -> None:
    assert predict(target_of(Fixed(), (2,), 2), torch.zeros(0, 2)).tolist() == []


def test_the_deployed_model_s_word_counts_whatever_the_copy_says() -> None:
    """Of three images the copy takes the second for broken, and the deployed model the two others."""
    target = linear_target(torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -0.5]))
    images = torch.tensor([[0.1], [0.6], [0.4]])
    target = replace(target, deployed=lambda given: torch.stack([given[:, 0] * 0, 0.5 - given[:, 0]], dim=1))
    batch = Batch(torch.tensor([[0.1], [0.4], [0.6]]), torch.tensor([0, 0, 0]), torch.arange(3))
    outcome = Outcome(images, torch.ones(3) > 0, torch.ones(3).long(), torch.ones(3), torch.ones(3), Cost())
    found = replay(target, batch, Threat(Norm.LINF, 1.0), outcome)
    assert found.claimed.tolist() == [False, True, False]
    assert found.fooled.tolist() == [True, False, True]
    assert found.disagreements == 1
    assert found.standing is None
