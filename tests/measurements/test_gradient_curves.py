"""Norms of the input gradient and of its signs against b: against autograd through the loss itself, image by image."""

from __future__ import annotations

import pytest
import torch

from bnnaudit.measurements import gradient_curves as module
from bnnaudit.measurements.gradient_curves import gradient_curves
from tests.toy import batch_of, small_network, target_of

TARGET = target_of(small_network(scale=1.5), (6,), 4)
BATCH = batch_of(TARGET, torch.rand(7, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
BETAS = (0.01, 0.5, 1.0, 4.0)


def test_they_are_those_of_the_loss_s_own_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[tuple[float, float]] = []
    for beta in BETAS:
        sizes = []
        for index in range(len(BATCH)):
            one = BATCH.select(slice(index, index + 1))
            leaf = one.images.clone().requires_grad_()
            loss = torch.nn.functional.cross_entropy(beta * TARGET.network(leaf), one.labels)
            (gradient,) = torch.autograd.grad(loss, leaf)
            sizes.append((float(gradient.norm()), float(gradient.sign().norm())))
        norms, signs = zip(*sizes, strict=True)
        wanted.append((sum(norms) / len(BATCH), sum(signs) / len(BATCH)))
    for chunk in (2, 64):
        monkeypatch.setattr(module, "CHUNK", chunk)
        norms, signs = gradient_curves(TARGET, BATCH, BETAS)
        assert norms == pytest.approx([norm for norm, _ in wanted])
        assert signs == pytest.approx([sign for _, sign in wanted])


def test_in_single_precision_a_large_b_makes_zeros() -> None:
    single = target_of(small_network(scale=1.5).float(), (6,), 4)
    batch = batch_of(single, BATCH.images.float())
    norms, signs = gradient_curves(single, batch, (1.0, 1e4))
    assert norms[0] > 0
    assert signs[0] == pytest.approx(6**0.5)
    assert (norms[1], signs[1]) == (0, 0)
