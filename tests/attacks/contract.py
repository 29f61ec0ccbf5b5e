"""What every attack promises, whatever it does: the settings to try for each method, the target, and the promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from bnnaudit.attacks.table import METHODS, run_attack
from bnnaudit.core.attack import (
    SETTINGS,
    Apgd,
    AttackSettings,
    Beta,
    BetaRule,
    Budget,
    Fab,
    LossKind,
    Method,
    Pgd,
    options_of,
)
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Box, Norm, Threat
from bnnaudit.numerics.pixel_grid import PixelGrid
from bnnaudit.quantization.quantizers import BinarySign
from tests.toy import batch_of, target_of

BYTES = Box(0.0, 255.0)
HAS_FOOLBOX = all(find_spec(name) for name in ("foolbox", "numba"))
"""Without the extra its method is left out."""

SMALL: dict[str, Any] = {
    "steps": 6,
    "restarts": 2,
    "surrogate": Surrogate.parse("adaptive"),
    "targets": 2,
    "queries": 40,
    "budget": Budget(60),
}
"""Options that make an attack run in a blink, for those that have them."""
TRIED: dict[Method, Sequence[AttackSettings]] = {
    Method.PGD: [
        *(Pgd(beta=Beta(rule, 0.05)) for rule in BetaRule),
        *(Pgd(loss=loss) for loss in LossKind if loss is not LossKind.CROSS_ENTROPY),
    ],
    Method.APGD: [
        *(Apgd(loss=loss) for loss in LossKind),
        *(Apgd(beta=Beta(rule, 0.05)) for rule in (BetaRule.FIXED, BetaRule.NJS, BetaRule.HNS, BetaRule.TRACKED)),
    ],
    Method.FAB: [Fab(), Fab(loss=LossKind.MARGIN_TARGETED)],
}
"""Temperature rules and losses under which a method is held to the contract, where it is not by its usual settings alone."""


def contract_settings() -> list[AttackSettings]:
    """Settings of every method of the table, small enough to run in a blink."""
    return [
        replace(settings, **{name: value for name, value in SMALL.items() if name in options_of(method)})
        for method in METHODS
        if method is not Method.BRENDEL_BETHGE or HAS_FOOLBOX
        for settings in TRIED.get(method, [SETTINGS[method]()])
    ]


def contract_threats(settings: AttackSettings) -> list[Threat]:
    """A radius for each norm that the method knows, at which some images fall and some stand."""
    radii = {Norm.LINF: 0.1, Norm.L2: 0.4}
    return [Threat(norm, radii[norm], BYTES) for norm in Norm if norm in METHODS[settings.method].norms]


def contract_batch() -> tuple[Target, Batch]:
    """A binary network of 3 x 3 pixels of three channels in 0..255, and 20 images that it gets right."""
    generator = torch.Generator().manual_seed(5)
    network = nn.Sequential(nn.Flatten(), nn.Linear(27, 12), BinarySign(), nn.Linear(12, 3))
    for parameter in network.parameters():
        with torch.no_grad():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    target = target_of(network, (3, 3, 3), 3, BYTES)
    return target, batch_of(target, torch.rand(20, 3, 3, 3, generator=generator) * 255)


def is_legitimate(outcome: Outcome, batch: Batch, threat: Threat) -> None:
    """Every image is in ball and box, and every pixel that was changed on the grid where there is one."""
    shift = outcome.images - batch.images
    length = shift.flatten(1).abs().amax(1) if threat.norm is Norm.LINF else shift.flatten(1).norm(dim=1)
    assert (length <= threat.radius * (1 + 1e-5)).all()
    assert outcome.images.min() >= threat.box.low
    assert outcome.images.max() <= threat.box.high
    if threat.image_bits is not None:
        grid = PixelGrid.of_bits(threat.box.low, threat.box.high, threat.image_bits)
        assert ((outcome.images == grid.nearest(outcome.images)) | (outcome.images == batch.images)).all()


def is_truthful(outcome: Outcome, target: Target, batch: Batch) -> None:
    """What the outcome says of each image is so."""
    with torch.no_grad():
        logits = target.logits(outcome.images)
    assert torch.equal(logits.argmax(1) != batch.labels, outcome.fooled)
    assert torch.equal(outcome.fooled, outcome.fooled_at >= 0)
    judged = outcome.margins.isfinite()
    others = logits.scatter(1, batch.labels[:, None], float("-inf")).amax(1)
    margins = logits.gather(1, batch.labels[:, None])[:, 0] - others
    assert torch.allclose(outcome.margins[judged], margins[judged], atol=1e-2)


def leaves_no_trace(settings: AttackSettings, target: Target, batch: Batch, threat: Threat) -> Outcome:
    """Runs the attack; target, batch and the global random state are as before."""
    before = [tensor.clone() for tensor in (batch.images, batch.labels, batch.ids, *target.network.parameters())]
    random_state = torch.random.get_rng_state()
    outcome = run_attack(settings, target, batch, threat, seed=1)
    after = (batch.images, batch.labels, batch.ids, *target.network.parameters())
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert all(parameter.grad is None for parameter in target.network.parameters())
    assert torch.equal(random_state, torch.random.get_rng_state())
    return outcome


def repeats(settings: AttackSettings, target: Target, batch: Batch, threat: Threat, outcome: Outcome) -> None:
    """The same under the same seed, in whatever parts and order the images come."""
    again = run_attack(settings, target, batch, threat, seed=1)
    assert torch.equal(again.images, outcome.images)
    assert again.cost == outcome.cost
    parts = run_attack(settings, target, batch, threat, seed=1, batch_size=7)
    backwards = torch.arange(len(batch)).flip(0)
    turned = run_attack(settings, target, batch.select(backwards), threat, seed=1, calibration=batch)
    for other, order in ((parts, slice(None)), (turned, backwards)):
        assert torch.equal(other.fooled[order], outcome.fooled)
        assert torch.equal(other.fooled_at[order], outcome.fooled_at)
        assert torch.allclose(other.images[order], outcome.images, atol=1e-3)


def does_nothing_at_radius_zero(
    settings: AttackSettings, target: Target, batch: Batch, norm: Norm, image_bits: int | None = None
) -> None:
    """A radius of zero changes no pixel and fools nothing."""
    still = run_attack(settings, target, batch, Threat(norm, 0.0, BYTES, image_bits), seed=1)
    assert torch.equal(still.images, batch.images)
    assert not still.fooled.any()
