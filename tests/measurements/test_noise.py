"""Noise on networks whose answer to it is known."""

import torch
from torch import Tensor, nn

from bnnaudit.core.attack import Pgd
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.measurements.noise import measure_noise, noise_radius
from tests.toy import batch_of, linear_target, target_of

PLAN = AuditPlan(Threat(Norm.LINF, 0.02), Pgd(), 4, False)
IMAGES = torch.rand(30, 4, generator=torch.Generator().manual_seed(0))


class Checkered(nn.Module):
    """Two classes that alternate along the first pixel in stripes much thinner than the noise."""

    def forward(self, values: Tensor) -> Tensor:
        wave = torch.sin(values[:, 0] * 1e4)
        return torch.stack([wave, -wave], dim=1)


def test_a_linear_network_is_stable_and_its_gradient_the_same_everywhere() -> None:
    target = linear_target(torch.tensor([[50.0, 0, 0, 0], [0, 50.0, 0, 0]]), torch.zeros(2))
    images = torch.tensor([[0.9, 0.1, 0.5, 0.5], [0.2, 0.8, 0.5, 0.5]])
    seen = measure_noise(target, batch_of(target, images), PLAN)
    assert (seen.images, seen.flipped) == (2, 0)
    assert seen.gradient_cosine > 0.999


def test_a_checkered_network_flips_and_turns() -> None:
    target = target_of(Checkered(), (4,), 2)
    seen = measure_noise(target, batch_of(target, IMAGES), PLAN)
    assert seen.flipped == 30
    assert abs(seen.gradient_cosine) < 0.3
    assert 0.1 < seen.loss_change <= 1


def test_the_noise_reaches_half_the_radius() -> None:
    assert noise_radius(PLAN) == 0.01
    assert noise_radius(AuditPlan(Threat(Norm.L2, 0.2), Pgd(), 4, False)) == 0.05


def test_no_image_gives_an_empty_probe() -> None:
    target = target_of(Checkered(), (4,), 2)
    assert measure_noise(target, batch_of(target, IMAGES).select(slice(0, 0)), PLAN).images == 0
