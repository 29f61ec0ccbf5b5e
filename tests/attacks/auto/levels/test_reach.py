"""What of an input quantizer's levels a ball reaches, against thresholds that are known."""

from __future__ import annotations

import torch
from torch import nn

from bnnaudit.attacks.auto.levels.reach import within_reach
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.quantization.quantizers import BinarySign
from tests.attacks.auto.levels.test_input_levels import Uniform, found, seeded
from tests.toy import target_of


def test_reach_holds_every_level_of_the_ball_and_values_clear_of_the_threshold() -> None:
    target = target_of(seeded(nn.Sequential(Uniform(2, 1 / 3), nn.Linear(4, 3))), (4,), 3)
    data = torch.tensor([[0.10, 0.49, 0.60, 0.95], [0.16, 0.3, 0.7, 0.3]])
    levels = found(target, data)
    reach = within_reach(levels, data, Threat(Norm.LINF, 0.15))
    # Thresholds at 1/6, 1/2 and 5/6.
    assert reach.pixels.tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert reach.counts.tolist() == [[2, 2, 2, 2], [2, 2, 2, 2]]
    assert reach.levels[0].tolist() == [[0, 1], [1, 2], [2, 1], [3, 2]]
    assert torch.equal(reach.values[:, :, 0], data)
    assert reach.combinations().tolist() == [16.0, 16.0]
    moved = reach.values[:, :, 1]
    assert torch.equal(levels.levels_of(moved), reach.levels[:, :, 1])
    assert ((moved - data).abs() <= 0.15 + 1e-6).all()
    eighth = moved * 255
    assert torch.allclose(eighth, eighth.round(), atol=1e-3)
    clearance = (moved[:, :, None] - torch.tensor([1 / 6, 1 / 2, 5 / 6])).abs().amin(dim=2)
    assert clearance.min() >= 0.25 / 255 - 1e-6


def test_reach_lists_only_pixels_with_a_choice() -> None:
    target = target_of(seeded(nn.Sequential(BinarySign(0.5), nn.Linear(4, 3))), (4,), 3)
    data = torch.tensor([[0.1, 0.45, 0.9, 0.52], [0.1, 0.2, 0.3, 0.49]])
    levels = found(target, data)
    reach = within_reach(levels, data, Threat(Norm.LINF, 0.1))
    assert reach.pixels.tolist() == [[1, 3], [3, 4]]
    assert reach.counts.tolist() == [[2, 2], [2, 1]]
    assert within_reach(levels, data, Threat(Norm.LINF, 0.0)).combinations().tolist() == [1.0, 1.0]
