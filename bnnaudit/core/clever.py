"""CLEVER scores ([Weng et al. 2018]) as plain values: what is asked for, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.attack import Beta
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts


class Ball(StrEnum):
    """The norm in which a score is a distance."""

    L1 = "l1"
    L2 = "l2"
    LINF = "linf"


BALLS = {Ball.L1: "L1", Ball.L2: "L2", Ball.LINF: "L-inf"}
"""As people write them."""
LINF_RADIUS = 0.1
"""The usual radius of the L-inf ball, in units of the [0,1] image."""


def usual_radii(features: int) -> dict[Ball, float]:
    """Balls in which a point moves a pixel about as far in every norm, for images of so many numbers.

    On 28 x 28 pixels they are near the 40, 2 and 0.1 of ART's own examples. A ball much larger than the distance that is
    looked for holds the slopes of other regions, and the score is of those.
    """
    return {Ball.L1: LINF_RADIUS * features / 2, Ball.L2: LINF_RADIUS * (features / 3) ** 0.5, Ball.LINF: LINF_RADIUS}


@dataclass(frozen=True, slots=True)
class CleverSettings:
    """How scores are estimated.

    betas: temperature rules, a row of the table each. batches, draws: the largest gradient norm is taken of each of
    `batches` batches of `draws` points. targets: other classes, the likeliest first, of which the least score counts.
    radii: of the balls that are drawn from, in units of the [0,1] image, and the largest scores that can come out.
    """

    betas: tuple[Beta, ...]
    radii: Mapping[Ball, float]
    batches: int = 50
    draws: int = 20
    targets: int = 3


@dataclass(frozen=True, slots=True)
class CleverScore:
    """Scores over the images, in units of the [0,1] image; at_radius: the share that reached the ball's radius."""

    mean: float
    median: float
    at_radius: float


@dataclass(frozen=True, slots=True)
class CleverRow:
    """One function's scores in each norm.

    beta: None for the margin of the logits, else the rule whose softmax the scores are taken of. beta_median: of b.
    """

    beta: Beta | None
    beta_median: float
    scores: Mapping[Ball, CleverScore]


@dataclass(frozen=True, slots=True)
class CleverReport:
    """The whole table, over `images` correctly classified images of the sample."""

    provenance: Provenance
    model: ModelFacts
    data: DataFacts
    settings: CleverSettings
    images: int
    surrogate: str
    rows: tuple[CleverRow, ...]
    seconds: float
