"""What an audit is asked to do, as plain values that rules, audit and reports share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from bnnaudit.core.attack import (
    AttackSettings,
    Auto,
    Beta,
    BetaRule,
    Budget,
    Climb,
    ErrorSignal,
    HardLabel,
    Method,
    Pgd,
    RandomSearch,
    Square,
)
from bnnaudit.core.effort import Effort
from bnnaudit.core.policy import Policy
from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.core.threat import Norm, Threat, is_pixel_count
from bnnaudit.core.trial import Source, Trial

SWEEP_STEPS = 100
"""Steps of the longest attack in the sweep over iterations. Not tuned."""
SWEEP_POINTS = (0, 1, 2, 5, 10, 20, 50, SWEEP_STEPS)
"""Steps after which that attack is read off; 0 is the random start. Not tuned."""
RADIUS_POINTS = 4
"""Radii between the threat's and the whole box in the sweep over radii. Not tuned."""

VERIFICATION_BUDGET = {Effort.QUICK: 100, Effort.STANDARD: 300, Effort.THOROUGH: 1000}
"""Gradient evaluations per image that the verification may spend. Not tuned."""

WHOLE_BOX = 1.0
"""The radius at which an L-inf attack may change every pixel to anything."""
HALF_RANGE = 0.5
"""The L-inf radius at which every image can be turned into the same grey one."""
MANY_RESTARTS = 20
"""Restarts that are compared with one ([Gupta & Ajanthan 2022], Table 1)."""
SHORT_TRAVEL = 0.1
"""Share of the radius that a whole attack of tiny steps covers. Not tuned."""
DRAWS = {Effort.QUICK: 0, Effort.STANDARD: 500, Effort.THOROUGH: 10_000}
"""Random points for each image that PGD left; [Carlini et al. 2019] asks for 10,000."""
QUERIES = {Effort.QUICK: 0, Effort.STANDARD: 300, Effort.THOROUGH: 5000}
"""Queries of Square Attack for each image that PGD left; 5,000 as in AutoAttack. The 300 are not tuned."""
QUERIES_FOR_A_GRADIENT = 10
"""Queries of the verification for each gradient that it may spend, where gradients are blocked. Not tuned."""
CLASSES_ASKED = {Effort.QUICK: 0, Effort.STANDARD: 0, Effort.THOROUGH: 5000}
"""Queries of a hard-label attack for each image that PGD left. Not tuned."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What the card claims."""

    clean_accuracy: float | None = None
    adversarial_accuracy: float | None = None


class Suspicion(StrEnum):
    """A cause of failing attacks that shows before any attack is run; each has its cure among the trials."""

    PROBABILITIES = "probabilities"
    BLOCKED = "blocked"
    UNSTABLE = "unstable"


@dataclass(frozen=True, slots=True)
class AuditPlan:
    """The audit's settings.

    ordinary: the attack that the claim rests on, PGD with cross-entropy, b = 1 and straight-through gradients.
    features: numbers in one image, which bound an unbounded L2 attack. quantized: whether the network has steps without
    a gradient, so that the choice of a surrogate matters. draws: of the random search, None for the effort's own.
    suspicions: what the opening probes saw, so that the cure for it is tried. all_images: attack the whole sample, and do
    not end once the verdict is decided. policy: what the gate asks of the model.
    """

    threat: Threat
    ordinary: Pgd
    features: int
    quantized: bool
    seed: int = 0
    batch_size: int = 256
    declared: Declared = Declared()
    transfer: bool = True
    effort: Effort = Effort.STANDARD
    draws: int | None = None
    suspicions: frozenset[Suspicion] = frozenset()
    all_images: bool = False
    policy: Policy = field(default_factory=Policy)

    @property
    def claim(self) -> Trial:
        """The ordinary attack at the threat's radius."""
        return Trial(self.ordinary, self.threat)

    @property
    def one_step(self) -> Trial:
        """Ordinary FGSM."""
        return self.scaled(Method.FGSM, BetaRule.NONE)

    def scaled(self, method: Method, rule: BetaRule, surrogate: Surrogate | None = None) -> Trial:
        """The ordinary attack as `method` with a temperature rule, and another surrogate where one is given."""
        base: Climb = self.ordinary if method is Method.PGD else self.ordinary.in_one_step
        return Trial(replace(base, beta=Beta(rule), surrogate=surrogate or base.surrogate), self.threat)

    @property
    def surrogates(self) -> tuple[Surrogate, ...]:
        """The surrogates that an audit compares: the usual ones, and one that follows the layer's scale."""
        usual = (SurrogateKind.IDENTITY, SurrogateKind.CLIPPED, SurrogateKind.TRIANGULAR)
        return tuple(Surrogate.usual(kind) for kind in (usual if self.quantized else usual[:1]))

    @property
    def iteration_trial(self) -> Trial:
        """The ordinary attack, long; every shorter one is its beginning, since the step size does not change."""
        return Trial(replace(self.ordinary, steps=max(SWEEP_STEPS, self.ordinary.steps)), self.threat)

    @property
    def whole_box(self) -> float:
        """The radius in the threat's norm that holds the whole box of images."""
        return WHOLE_BOX if self.threat.norm is Norm.LINF else float(self.features) ** 0.5

    @property
    def radius_trials(self) -> tuple[Trial, ...]:
        """The ordinary attack from a quarter of the threat's radius up to the whole box, in even ratios above it."""
        eps, end = self.threat.eps, self.whole_box
        between = range(1, RADIUS_POINTS) if 0 < eps < end else ()
        above = [_readable(eps * (end / eps) ** (i / RADIUS_POINTS), eps) for i in between]
        radii = [eps / 4, eps / 2, eps, *above, end]
        settings = replace(self.ordinary, step_size=None)
        return tuple(Trial(settings, replace(self.threat, eps=radius)) for radius in dict.fromkeys(radii))

    @property
    def half_range_trial(self) -> Trial:
        """The ordinary attack where every pixel may move by half the range (for L2, as far as that is in all)."""
        eps = HALF_RANGE if self.threat.norm is Norm.LINF else HALF_RANGE * float(self.features) ** 0.5
        return Trial(replace(self.ordinary, step_size=None), replace(self.threat, eps=max(eps, self.threat.eps)))

    @property
    def restarts_trial(self) -> Trial:
        """The ordinary attack with many restarts; the first of them is the claim's own."""
        return Trial(replace(self.ordinary, restarts=max(MANY_RESTARTS, 2 * self.ordinary.restarts)), self.threat)

    @property
    def tiny_steps_trial(self) -> Trial:
        """The ordinary attack with steps that together move no pixel by more than a tenth of the radius."""
        step_size = SHORT_TRAVEL * self.threat.eps / self.ordinary.steps
        return Trial(replace(self.ordinary, step_size=step_size), self.threat)

    def cured_trial(self, source: Source, rule: BetaRule = BetaRule.NONE) -> Trial:
        """The ordinary attack, or with a temperature rule, on the model with one cause of failure taken away."""
        return replace(self.scaled(Method.PGD, rule), source=source)

    @property
    def random_trial(self) -> Trial:
        """Uniform random search on the images that the claim's attack left."""
        draws = DRAWS[self.effort] if self.draws is None else self.draws
        return Trial(RandomSearch(queries=draws), self.threat, after=self.claim)

    @property
    def query_trial(self) -> Trial:
        """Square Attack on the images that the claim's attack left."""
        return Trial(Square(queries=QUERIES[self.effort]), self.threat, after=self.claim)

    @property
    def hard_label_trial(self) -> Trial:
        """The attack on predicted classes alone, on the images that the claim's attack left."""
        return Trial(HardLabel(queries=CLASSES_ASKED[self.effort]), self.threat, after=self.claim)

    @property
    def transfer_trial(self) -> Trial:
        """PGD on the substitute, carried past its first success so that the images are confidently wrong there."""
        settings = replace(
            self.ordinary, error_signal=ErrorSignal.EXACT, surrogate=Surrogate(), stop_at_success=False, step_size=None
        )
        return Trial(settings, self.threat, Source.SUBSTITUTE)

    @property
    def verification_source(self) -> Source:
        """What the verification climbs on: the model, or where its gradient is known to be of no use, its cheapest cure."""
        if Suspicion.BLOCKED in self.suspicions:
            return Source.BRIDGED
        return Source.LOGARITHM if Suspicion.PROBABILITIES in self.suspicions else Source.WHITE_BOX

    @property
    def verification(self) -> tuple[AttackSettings, ...]:
        """The attacks that images not fooled by any trial must survive: `auto`, with a budget by the effort.

        Where the gradient is blocked Square asks on without one, since no bridge need lead anywhere.
        """
        budget = VERIFICATION_BUDGET[self.effort]
        auto = Auto(budget=Budget(budget))
        if Suspicion.BLOCKED not in self.suspicions:
            return (auto,)
        return auto, Square(queries=QUERIES_FOR_A_GRADIENT * budget)


def _readable(length: float, like: float) -> float:
    """A length rounded as people would write it beside `like`: to whole pixel values, or to two digits."""
    return round(length * 255) / 255 if is_pixel_count(like) else float(f"{length:.2g}")
