"""The surroundings of an attack: scales that are handed on are those that would have been measured, and are not again."""

from __future__ import annotations

import pytest
import torch

from bnnaudit.attacks import context as module
from bnnaudit.attacks.context import Context, prepared
from bnnaudit.attacks.gradient import pgd
from bnnaudit.core.attack import AttackSettings, Pgd
from bnnaudit.core.surrogate import Surrogate, WidthUnit
from bnnaudit.core.threat import Norm, Threat
from tests.toy import BYTES, binary_network, images_of


def test_scales_of_another_context_are_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    target = binary_network([6, 16, 8, 3], 1)
    batch = images_of(target, 20, 0)
    threat = Threat(Norm.LINF, 0.05, BYTES)

    def made(surrogate: str, known: Context | None = None) -> tuple[AttackSettings, Context]:
        settings = Pgd(surrogate=Surrogate.parse(surrogate))
        scales = None if known is None else known.scales
        return settings, prepared(settings, target, threat, batch, 0, 256, lambda units: None, scales)

    settings, alone = made("tanh:2..0.5:reach")
    _, first = made("relaxed:4:reach")
    assert set(first.scales) == {WidthUnit.REACH}
    monkeypatch.setattr(module, "reach_scales", None)
    _, given = made("tanh:2..0.5:reach", first)
    assert torch.equal(pgd.attack(settings, alone, batch).images, pgd.attack(settings, given, batch).images)
    _, both = made("tanh:2:layer", given)
    assert set(both.scales) == {WidthUnit.REACH, WidthUnit.LAYER}
    assert set(given.scales) == {WidthUnit.REACH}
