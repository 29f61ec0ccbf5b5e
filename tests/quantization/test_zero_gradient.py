"""A network cut off from autograd has a gradient of zero and the same answers; any other is left alone."""

from __future__ import annotations

import torch
from torch import nn

from bnnaudit.quantization.zero_gradient import with_zero_gradient
from tests.networks.broken import ForeignForward
from tests.toy import target_of

IMAGES = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))


def test_a_network_cut_off_from_autograd_has_a_gradient_of_zero() -> None:
    cut = target_of(ForeignForward(layers(), 1, torch.Tensor.detach), (4,), 3)
    tied = with_zero_gradient(cut, IMAGES)
    assert torch.equal(tied.logits(IMAGES), cut.logits(IMAGES))
    points = IMAGES.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(tied.logits(points).sum(), points)
    assert gradient.shape == IMAGES.shape
    assert not gradient.any()


def test_a_network_with_gradients_is_left_alone() -> None:
    target = target_of(layers(), (4,), 3)
    assert with_zero_gradient(target, IMAGES) is target
    assert with_zero_gradient(target, IMAGES[:0]) is target
