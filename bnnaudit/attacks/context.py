"""What an attack works on and with, apart from its own settings and the images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from bnnaudit.attacks.geometry import random_start
from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.batch import Batch
from bnnaudit.core.surrogate import WidthUnit
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat
from bnnaudit.quantization.quantizers import with_surrogate
from bnnaudit.quantization.scales import ScaledNetwork, layer_scales, reach_scales
from bnnaudit.temperature import Temperature, fit_temperature

SCALE_IMAGES = 64
"""Calibration images on which the scale of a layer is measured."""
STAGES = 8
"""Widths that a surrogate goes through from its first to its last."""


@dataclass(frozen=True, slots=True)
class Context:
    """The surroundings of an attack.

    stages: the target as the attack sees it, one for each part of a climb, in order; their networks pass gradients by the
    surrogate of the settings, at the width of that part. temperature: the rule of the settings, fitted. calibration: images
    on which whatever is common to all of them is estimated, so that no result depends on how the sample is cut into batches.
    batch_size: the most images to put through the network at once. on_progress: told of as many image-steps in all as the
    method's `image_steps` announces, those that a fooled image is spared included.
    """

    stages: tuple[Target, ...]
    threat: Threat
    temperature: Temperature
    calibration: Batch
    seed: int
    batch_size: int
    on_progress: Callable[[int], None]

    @property
    def target(self) -> Target:
        """The target as the attack first sees it."""
        return self.stages[0]

    def at(self, step: int, steps: int) -> Target:
        """The target as a climb of `steps` steps sees it before its step number `step`, counted from 0."""
        return self.stages[min(len(self.stages) * step // max(1, steps), len(self.stages) - 1)]

    def logits(self, points: Tensor) -> Tensor:
        """Differentiable logits (N, d) of points (N, ...)."""
        return self.target.logits(points)

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
) -> Context:
    """The context of an attack with these settings: the surrogate in place, what needs measuring measured."""
    networks = _networks(settings, target, threat, calibration, seed)
    stages = tuple(replace(target, network=network) for network in networks)
    temperature = fit_temperature(settings.beta, stages[0], calibration)
    return Context(stages, threat, temperature, calibration, seed, batch_size, on_progress)


def _networks(
    settings: AttackSettings, target: Target, threat: Threat, calibration: Batch, seed: int
) -> list[nn.Module]:
    """The network with the surrogate at each of its widths; weights are shared."""
    surrogate = settings.surrogate
    count = 1 if surrogate.end is None else STAGES
    networks = [with_surrogate(target.network, surrogate.at(index / max(1, count - 1))) for index in range(count)]
    if not surrogate.unit.measured or len(calibration) == 0:
        return networks
    probed = calibration.select(slice(0, SCALE_IMAGES))
    inputs = target.prepare(probed.images)
    if surrogate.unit is WidthUnit.LAYER:
        scales = layer_scales(target.network, inputs)
    else:
        moved = random_start(probed, threat, settings, seed, 0)
        scales = reach_scales(target.network, inputs, target.prepare(moved))
    return [ScaledNetwork(network, scales) for network in networks]
