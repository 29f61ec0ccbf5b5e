"""The settings that `auto` chooses among: surrogate, temperature and loss.

Widths are in the reach of each layer (`WidthUnit.REACH`) and narrow in the course of a climb. On every network tried the
best multiples of the reach lay between 16 and 1/4, whatever the radius, where in multiples of the mean |pre-activation| they
differed a hundredfold; and a climb that narrows beats one that does not, since a wide surrogate finds the direction
in which many units turn together and a narrow one the few units that are about to. The spans below cover that range by
powers of two; which of them are listed is not tuned. Two families: surrogates at the
network's own values, and the network relaxed into a smooth one that hardens (`SurrogateKind.RELAXED`), which leads where
few units decide. Which family, shape and span is best differs from network to network, so that is what the choice decides.
"""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.attack import Beta, BetaRule, LossKind, Pgd
from bnnaudit.core.surrogate import NARROWING, STRAIGHT_THROUGH, Surrogate
from bnnaudit.core.threat import Threat

STEPS = 40
"""Steps of a climb, and of each in the first turn; twice as many later on, half as many in the first climb. Not tuned."""
TARGETS = 4
"""Classes that a targeted climb goes for, one after the other. Not tuned."""
FINAL_STEP = 0.1
"""The last step of a climb as a part of the first, which is as long as the radius. Not tuned."""
MOMENTUM = 0.75
"""As in APGD ([Croce & Hein 2020a])."""


FIRST = NARROWING
"""The surrogate of the first climb, before anything is known of the network."""
RELAXED = Surrogate.parse("relaxed:4..0.25:reach")
"""The first of the relaxed family."""
WIDE = Surrogate.parse("triangular:16..1:reach")
"""For networks in which many units share every decision."""
SURROGATES: tuple[Surrogate, ...] = (
    FIRST,
    RELAXED,
    *map(Surrogate.parse, ("relaxed:16..1:reach", "relaxed:8..0.25:reach", "relaxed:2..0.25:reach")),
    *map(Surrogate.parse, ("tanh:2..0.5:reach", "tanh:8..0.5:reach")),
    WIDE,
    *map(Surrogate.parse, ("triangular:4..1:reach", "arctan:4..0.5:reach")),
    STRAIGHT_THROUGH,
)
LOSSES: tuple[LossKind, ...] = (LossKind.CROSS_ENTROPY, LossKind.MARGIN, LossKind.DLR, LossKind.MARGIN_TARGETED)
"""The cross-entropy comes with the temperature that follows the margin; the others do not depend on one."""


def climb(surrogate: Surrogate, loss: LossKind, threat: Threat, steps: int = STEPS) -> Pgd:
    """A climb of `steps` steps from a random point: the first as long as the radius, the last a tenth of it, with momentum."""
    rule = BetaRule.TRACKED if loss is LossKind.CROSS_ENTROPY else BetaRule.NONE
    return Pgd(
        steps=steps,
        step_size=threat.eps,
        final_step=FINAL_STEP,
        momentum=MOMENTUM,
        beta=Beta(rule),
        surrogate=surrogate,
        loss=loss,
        targets=TARGETS,
    )


def candidates(threat: Threat, quantized: bool, classes: int) -> tuple[Pgd, ...]:
    """Every surrogate with the cross-entropy and the first ones with every loss; without steps a surrogate changes nothing."""
    losses = LOSSES if classes > 2 else LOSSES[:2]
    if not quantized:
        return tuple(climb(STRAIGHT_THROUGH, loss, threat) for loss in losses)
    shapes = [climb(surrogate, LossKind.CROSS_ENTROPY, threat) for surrogate in SURROGATES]
    kinds = [climb(surrogate, loss, threat) for surrogate in (FIRST, RELAXED) for loss in losses[1:]]
    return (*shapes, *kinds)


def unchosen(threat: Threat, quantized: bool, classes: int) -> tuple[Pgd, ...]:
    """The portfolio where there is too little to choose on: one of each kind."""
    if not quantized:
        return candidates(threat, quantized, classes)
    pairs = ((RELAXED, LossKind.MARGIN), (WIDE, LossKind.CROSS_ENTROPY), (FIRST, LossKind.CROSS_ENTROPY))
    return tuple(climb(surrogate, loss, threat) for surrogate, loss in pairs)


def first_climb(threat: Threat, quantized: bool) -> Pgd:
    """What is tried on every image before anything is chosen: half as long, since most images of most networks fall to it."""
    surrogate = FIRST if quantized else STRAIGHT_THROUGH
    return climb(surrogate, LossKind.CROSS_ENTROPY, threat, STEPS // 2)


def shortened(settings: Pgd, steps: int) -> Pgd:
    """The same climb in fewer steps; a targeted one for the likeliest class alone."""
    return replace(settings, steps=steps, targets=1)
