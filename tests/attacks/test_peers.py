"""Our APGD and FAB beside those of other libraries on a float network: at the same steps they leave no more images.

The peers come with the extra `peers`. They are given the same 0..1 images and radius; whatever they return is judged by us.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from statistics import fmean
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from bnnaudit.api import load_target
from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Apgd, AttackSettings, Fab, LossKind
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from tests.paths import SAMPLE_MODELS

SAMPLES = SAMPLE_MODELS
STEPS, TOLERATED = 20, 2
SEEDS = range(3)
Peer = Callable[[nn.Module, int], Tensor]
"""Adversarial images by a model and a seed."""
THREATS = {Norm.LINF: Threat(Norm.LINF, 0.1), Norm.L2: Threat(Norm.L2, 0.6)}


@pytest.fixture(scope="module")
def target() -> Target:
    return load_target(SAMPLES / "digits-ref.onnx")


@pytest.fixture(scope="module")
def batch(target: Target) -> Batch:
    stored = np.load(SAMPLES / "digits-test.npz")
    images = torch.from_numpy(stored["x"]).float()[:, None] / 255
    labels = torch.from_numpy(stored["y"]).long()
    with torch.no_grad():
        right = target.logits(images).argmax(dim=1) == labels
    images, labels = images[right][:200], labels[right][:200]
    assert len(labels) == 200
    return Batch(images, labels, torch.arange(200))


class Model(nn.Module):
    """The target as the peers take it."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self.target = target
        self.place = nn.Parameter(torch.zeros(1), requires_grad=False)

    def forward(self, images: Tensor) -> Tensor:
        return self.target.logits(images)


def left_by_peer(target: Target, batch: Batch, threat: Threat, attack: Peer) -> float:
    """How many images stand, in the mean over the seeds; no image outside ball and box counts as fooled."""
    return fmean(_left_by_peer(target, batch, threat, attack, seed) for seed in SEEDS)


def _left_by_peer(target: Target, batch: Batch, threat: Threat, attack: Peer, seed: int) -> int:
    state = np.random.get_state()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.random.fork_rng():
        warnings.simplefilter("ignore")
        torch.manual_seed(seed)
        np.random.seed(seed)
        found = attack(Model(target).eval(), seed).detach()
    np.random.set_state(state)
    shift = (found - batch.images).flatten(1)
    length = shift.abs().amax(1) if threat.norm is Norm.LINF else shift.norm(dim=1)
    with torch.no_grad():
        fooled = target.logits(found.clamp(0, 1)).argmax(1) != batch.labels
    return len(batch) - int((fooled & (length <= threat.eps * 1.0001)).sum())


def left_by_us(target: Target, batch: Batch, threat: Threat, settings: AttackSettings) -> float:
    return fmean(len(batch) - int(run_attack(settings, target, batch, threat, seed).fooled.sum()) for seed in SEEDS)


def torchattacks_of(name: str, batch: Batch, threat: Threat, **options: Any) -> Peer:
    """One of torchattacks' attacks."""
    torchattacks = pytest.importorskip("torchattacks", reason="needs the extra `peers`")
    norm = {Norm.LINF: "Linf", Norm.L2: "L2"}[threat.norm]

    def attack(model: nn.Module, seed: int) -> Tensor:
        found: Tensor = getattr(torchattacks, name)(
            model, norm=norm, eps=threat.eps, steps=STEPS, seed=seed, **options
        )(batch.images, batch.labels)
        return found

    return attack


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(
    ("name", "options", "loss"),
    [
        ("APGD", {"loss": "ce", "n_restarts": 1}, LossKind.CROSS_ENTROPY),
        ("APGD", {"loss": "dlr", "n_restarts": 1}, LossKind.DLR),
        ("APGDT", {"n_restarts": 1, "n_classes": 10}, LossKind.DLR_TARGETED),
    ],
    ids=["ce", "dlr", "dlr-targeted"],
)
def test_apgd_leaves_no_more_than_torchattacks(
    target: Target, batch: Batch, norm: Norm, name: str, options: dict[str, Any], loss: LossKind
) -> None:
    threat = THREATS[norm]
    theirs = left_by_peer(target, batch, threat, torchattacks_of(name, batch, threat, **options))
    ours = left_by_us(target, batch, threat, Apgd(steps=STEPS, loss=loss))
    assert theirs < len(batch)
    assert ours <= theirs + TOLERATED, (ours, theirs)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(("targeted", "loss"), [(False, LossKind.CROSS_ENTROPY), (True, LossKind.MARGIN_TARGETED)])
def test_fab_leaves_no_more_than_torchattacks(
    target: Target, batch: Batch, norm: Norm, targeted: bool, loss: LossKind
) -> None:
    threat = THREATS[norm]
    options = {"n_restarts": 1, "n_classes": 10, "multi_targeted": targeted}
    theirs = left_by_peer(target, batch, threat, torchattacks_of("FAB", batch, threat, **options))
    ours = left_by_us(target, batch, threat, Fab(steps=STEPS, loss=loss))
    assert theirs < len(batch)
    assert ours <= theirs + TOLERATED, (ours, theirs)


@pytest.mark.parametrize("norm", list(Norm))
@pytest.mark.parametrize(
    ("kind", "loss"),
    [("cross_entropy", LossKind.CROSS_ENTROPY), ("difference_logits_ratio", LossKind.DLR)],
)
def test_apgd_leaves_no_more_than_arts(target: Target, batch: Batch, norm: Norm, kind: str, loss: LossKind) -> None:
    evasion = pytest.importorskip("art.attacks.evasion", reason="needs the extra `peers`")
    estimators = pytest.importorskip("art.estimators.classification", reason="needs the extra `peers`")
    threat = THREATS[norm]

    def attack(model: nn.Module, seed: int) -> Tensor:
        classifier = estimators.PyTorchClassifier(
            model, nn.CrossEntropyLoss(), tuple(batch.images.shape[1:]), 10, clip_values=(0.0, 1.0), device_type="cpu"
        )
        art_norm = np.inf if norm is Norm.LINF else 2
        art = evasion.AutoProjectedGradientDescent(
            classifier, art_norm, threat.eps, 2 * threat.eps, STEPS, False, 1, 200, loss_type=kind, verbose=False
        )
        return torch.from_numpy(art.generate(batch.images.numpy(), batch.labels.numpy()))

    theirs = left_by_peer(target, batch, threat, attack)
    ours = left_by_us(target, batch, threat, Apgd(steps=STEPS, loss=loss))
    assert ours <= theirs + TOLERATED, (ours, theirs)
