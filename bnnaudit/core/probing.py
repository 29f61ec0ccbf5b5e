"""What is measured on the model beside attacks, as plain values; `measurements/` takes them, checks judge them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bnnaudit.core.sample_fit import SampleFit


@dataclass(frozen=True, slots=True)
class GradientProbe:
    """The input gradient on `images` correctly classified images, in float32, steps passed straight through.

    zero, denormal: images whose gradient of the ordinary loss is exactly zero, or below the smallest normal number,
    everywhere. blocked: zero or denormal even where the error signal is rescaled so that it cannot underflow. vanishing:
    not blocked, yet nowhere above a millionth of that signal. unmoved: images that one step from the original leaves as
    they were. blocked_at: where in the network the gradient of most blocked images vanishes, empty where there are none.
    probabilities: the differentiable copy returns probabilities, not logits. logit_gap: median of the largest logit minus
    the second. rounded_input: the network sees only a coarse grid of input values.
    """

    images: int
    zero: int = 0
    denormal: int = 0
    blocked: int = 0
    vanishing: int = 0
    unmoved: int = 0
    blocked_at: str = ""
    probabilities: bool = False
    logit_gap: float = 1.0
    rounded_input: bool = False

    @property
    def blocked_share(self) -> float:
        """The fraction of images that no gradient reaches whatever the loss."""
        return self.blocked / self.images if self.images else 0.0


@dataclass(frozen=True, slots=True)
class NoiseProbe:
    """The answers to `draws` noisy copies of each of `images` correctly classified images.

    radius: of the uniform noise, in units of the [0,1] image. flipped: images of which at least a tenth of the copies are
    put into another class. loss_change: mean of |L(x) - L(x + noise)| / |L(x)|, each at most 1 (second indicator of
    [Pintor et al. 2022]). gradient_cosine: mean cosine between the gradients at an image and at its noisy copies.
    """

    images: int
    draws: int
    radius: float
    flipped: int
    loss_change: float
    gradient_cosine: float


@dataclass(frozen=True, slots=True)
class ClimbProbe:
    """The ordinary attack watched step by step on `images` images, none of which leaves early.

    standing: right at the last iterate. flat: of those, images whose loss never rose above that of the start. rising: of
    those, images whose best loss still grew by more than 5 % of its whole rise over the second half of the steps.
    passed_over: wrong at some iterate and right again at the last one. steps: of the attack.
    """

    images: int
    steps: int
    standing: int
    flat: int
    rising: int
    passed_over: int


@dataclass(frozen=True, slots=True)
class BinarizationTest:
    """The binarization test of [Zimmermann et al. 2022]: in each of `images` images one adversarial image is known to exist.

    found: how many of them each attack found, random search last. inner: points inside the ball that the head was fitted to.
    features: of the last layer. unfit: images for which no head could be fitted, not counted in `images`.
    """

    images: int
    inner: int
    features: int
    unfit: int
    found: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Probes:
    """All of it, None where it was not measured; `missing` says why, by the probe's name."""

    gradient: GradientProbe | None = None
    noise: NoiseProbe | None = None
    climb: ClimbProbe | None = None
    binarization: BinarizationTest | None = None
    fit: SampleFit | None = None
    missing: tuple[tuple[str, str], ...] = ()

    def why_missing(self, probe: str) -> str:
        """Why a probe was not measured."""
        return self.recorded(probe) or "it was not measured"

    def recorded(self, probe: str) -> str:
        """The reason kept for a probe that was not measured; empty where none is, as for one that does not apply."""
        return dict(self.missing).get(probe, "")
