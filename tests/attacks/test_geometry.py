"""Balls of whole images, and of their channels where each has its own."""

from dataclasses import replace

import torch

from bnnaudit.attacks.geometry import ascent_direction, lengths_of, project
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.numerics.norms import flat_norm

WHOLE = Threat(Norm.L2, 0.5)
PER_CHANNEL = replace(WHOLE, l2_per_channel=True)


def test_per_channel_projection_lets_each_channel_have_the_whole_radius() -> None:
    origin, ones = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    assert torch.allclose(flat_norm(project(ones, origin, PER_CHANNEL)), torch.tensor([0.5 * 3**0.5]))
    assert torch.allclose(flat_norm(project(ones, origin, WHOLE)), torch.tensor([0.5]))


def test_each_channel_has_a_direction_and_a_length_of_its_own() -> None:
    gradients = torch.zeros(1, 2, 1, 2)
    gradients[0, :, 0, 0] = torch.tensor([3.0, 4.0])
    assert torch.allclose(ascent_direction(gradients, PER_CHANNEL)[0, :, 0, 0], torch.ones(2))
    assert torch.allclose(ascent_direction(gradients, WHOLE)[0, :, 0, 0], torch.tensor([0.6, 0.8]))
    assert lengths_of(gradients, PER_CHANNEL).tolist() == [4.0]
    assert lengths_of(gradients, WHOLE).tolist() == [5.0]


def test_an_image_without_channels_has_one_ball() -> None:
    vector = torch.tensor([[3.0, 4.0]])
    assert lengths_of(vector, PER_CHANNEL).tolist() == [5.0]
    assert torch.allclose(project(vector, torch.zeros(1, 2), replace(PER_CHANNEL, eps=1.0)), torch.tensor([[0.6, 0.8]]))
