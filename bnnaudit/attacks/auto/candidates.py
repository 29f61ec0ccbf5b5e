"""The settings that `auto` chooses among: what passes through the steps, how the logits are scaled, what is maximised.

Widths are in the reach of each layer (`WidthUnit.REACH`) and narrow in the course of a climb. On every network tried the
best multiples of the reach lay between 16 and 1/2, whatever the radius, where in multiples of the mean |pre-activation| they
differed a hundredfold; and a climb that narrows beats one that does not, since a wide surrogate finds the direction
in which many units turn together and a narrow one the few units that are about to. Which of the shapes and spans is best
differs from network to network, so that is what calibration decides.
"""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, LossKind, Method
from bnnaudit.core.surrogate import STRAIGHT_THROUGH, Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.threat import Threat

STEPS = 40
"""Steps of a climb."""
TARGETS = 4
"""Classes that a targeted climb goes for, one after the other."""


def _narrowing(kind: SurrogateKind, first: float, last: float) -> Surrogate:
    return Surrogate(kind, first, WidthUnit.REACH, last)


FIRST = _narrowing(SurrogateKind.TANH, 4, 0.5)
"""The surrogate of the first climb, before anything is known of the network."""
SURROGATES: tuple[Surrogate, ...] = (
    FIRST,
    _narrowing(SurrogateKind.TANH, 2, 0.5),
    _narrowing(SurrogateKind.TANH, 8, 0.5),
    _narrowing(SurrogateKind.TRIANGULAR, 16, 1),
    _narrowing(SurrogateKind.TRIANGULAR, 4, 1),
    _narrowing(SurrogateKind.ARCTAN, 4, 0.5),
    STRAIGHT_THROUGH,
)
LOSSES: tuple[LossKind, ...] = (LossKind.CROSS_ENTROPY, LossKind.MARGIN, LossKind.DLR, LossKind.MARGIN_TARGETED)
"""The cross-entropy comes with the temperature that follows the margin; the others do not depend on one."""


def climb(surrogate: Surrogate, loss: LossKind, threat: Threat, steps: int = STEPS) -> AttackSettings:
    """A climb of `steps` steps from a random point: the first as long as the radius, the last a tenth of it, with momentum."""
    rule = BetaRule.TRACKED if loss is LossKind.CROSS_ENTROPY else BetaRule.NONE
    return AttackSettings(
        method=Method.PGD,
        steps=steps,
        step_size=threat.eps,
        final_step=0.1,
        momentum=0.75,
        beta=Beta(rule),
        surrogate=surrogate,
        loss=loss,
        targets=TARGETS,
    )


def candidates(threat: Threat, quantized: bool, classes: int) -> tuple[AttackSettings, ...]:
    """Every surrogate with the cross-entropy and the first ones with every loss; without steps a surrogate changes nothing."""
    losses = LOSSES if classes > 2 else LOSSES[:2]
    if not quantized:
        return tuple(climb(STRAIGHT_THROUGH, loss, threat) for loss in losses)
    shapes = [climb(surrogate, LossKind.CROSS_ENTROPY, threat) for surrogate in SURROGATES]
    kinds = [climb(surrogate, loss, threat) for surrogate in (FIRST, SURROGATES[3]) for loss in losses[1:]]
    return (*shapes, *kinds)


def first_climb(threat: Threat, quantized: bool) -> AttackSettings:
    """What is tried on every image before anything is chosen: half as long, since most images of most networks fall to it."""
    surrogate = FIRST if quantized else STRAIGHT_THROUGH
    return climb(surrogate, LossKind.CROSS_ENTROPY, threat, STEPS // 2)


def shortened(settings: AttackSettings, steps: int) -> AttackSettings:
    """The same climb in fewer steps; a targeted one for the likeliest class alone."""
    return replace(settings, steps=steps, targets=1)
