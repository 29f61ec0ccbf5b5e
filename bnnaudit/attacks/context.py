"""What an attack works on and with, apart from its own settings and the images."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from bnnaudit.attacks.deadline import NEVER, Deadline
from bnnaudit.attacks.geometry import random_start
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.surrogate import Surrogate, WidthUnit
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.quantization.quantizers import with_surrogate
from bnnaudit.quantization.relaxed import RelaxedNetwork
from bnnaudit.quantization.scales import ScaledNetwork, layer_scales, reach_scales
from bnnaudit.temperature import Temperature, fit_temperature

SCALE_IMAGES = 64
"""Calibration images on which the scale of a layer is measured. Not tuned."""
STAGES = 8
"""Widths that a surrogate goes through from its first to its last. Not tuned."""


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of an attack.

    target: the model, whose networks' steps pass gradients by the surrogate of the settings. stages: what a climb
    differentiates, one for each part of it, in order: the target at the surrogate's width of that part, or, where `relaxed`
    is set, smooth networks in place of it, which must not judge. temperature: the rule of the settings, fitted. calibration:
    images on which whatever is common to all of them is estimated, so that no result depends on how the sample is cut into
    batches. batch_size: the most images to put through the network at once. on_progress: told of as many image-steps in all as
    the method's `image_steps` announces, those that a fooled image is spared included. scales: those of the target's steps that
    are known, by the unit of width that they are for. deadline: once it has passed, climbs and searches end with what they have.
    """

    target: Target
    stages: tuple[Target, ...]
    relaxed: bool
    threat: Threat
    temperature: Temperature
    calibration: Batch
    seed: int
    batch_size: int
    on_progress: Callable[[int], None]
    scales: Mapping[WidthUnit, tuple[float, ...]] = field(default_factory=dict)
    deadline: Deadline = NEVER

    def until(self, deadline: Deadline) -> Context:
        """The same, where climbs and searches end once `deadline` has passed."""
        return replace(self, deadline=deadline)

    def at(self, step: int, steps: int) -> Target:
        """What a climb of `steps` steps differentiates at its step number `step`, counted from 0."""
        return self.stages[min(len(self.stages) * step // max(1, steps), len(self.stages) - 1)]

    def judged(self, points: Tensor) -> Tensor:
        """The network's own logits (N, d) of points (N, ...), without gradients; of `batch_size` points at once at most."""
        with torch.no_grad():
            return torch.cat([self.target.logits(part) for part in torch.split(points, self.batch_size)])

    def split(self, batch: Batch) -> list[Batch]:
        """The batch in parts of at most `batch_size` images."""
        return [batch.select(slice(i, i + self.batch_size)) for i in range(0, len(batch), self.batch_size)]


def prepared(
    settings: AttackSettings,
    target: Target,
    threat: Threat,
    calibration: Batch,
    seed: int,
    batch_size: int,
    on_progress: Callable[[int], None],
    scales: Mapping[WidthUnit, tuple[float, ...]] | None = None,
) -> Context:
    """The context of an attack with these settings: the surrogate in place, what needs measuring measured.

    scales: those of another context for the same target, threat, calibration and seed, which are not measured again.
    """
    surrogate, known = settings.surrogate, dict(scales or {})
    if surrogate.unit.measured and surrogate.unit not in known and len(calibration):
        known[surrogate.unit] = _measured(surrogate.unit, target, threat, calibration, seed)
    networks = _networks(surrogate, target.network, known.get(surrogate.unit))
    stages = tuple(replace(target, network=network) for network in networks)
    temperature = fit_temperature(settings.beta, stages[0], calibration)
    own = target if surrogate.relaxes else stages[0]
    return Context(
        own, stages, surrogate.relaxes, threat, temperature, calibration, seed, batch_size, on_progress, scales=known
    )


def _networks(surrogate: Surrogate, network: nn.Module, scales: tuple[float, ...] | None) -> list[nn.Module]:
    """The network, or the relaxed one, with the surrogate at each of its widths; weights are shared."""
    count = 1 if surrogate.end is None else STAGES
    made = RelaxedNetwork if surrogate.relaxes else with_surrogate
    networks = [made(network, surrogate.at(index / max(1, count - 1))) for index in range(count)]
    return networks if scales is None else [ScaledNetwork(network, scales) for network in networks]


def _measured(unit: WidthUnit, target: Target, threat: Threat, calibration: Batch, seed: int) -> tuple[float, ...]:
    """The scales of the target's steps for this unit of the surrogate's width."""
    probed = calibration.select(slice(0, SCALE_IMAGES))
    inputs = target.prepare(probed.images)
    if unit is WidthUnit.LAYER:
        return layer_scales(target.network, inputs)
    moved = random_start(probed, threat, seed, 0)
    return reach_scales(target.network, inputs, target.prepare(moved))
