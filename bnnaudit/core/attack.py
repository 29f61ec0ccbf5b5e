"""The settings of an attack: plain values that a command line, a plan and a report share. What runs them is in `attacks/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, dataclass_transform

from bnnaudit.core.errors import UsageError
from bnnaudit.core.limits import LARGEST_NUMBER, LONGEST_BUDGET, MOST_GRADIENTS, SMALLEST_NUMBER
from bnnaudit.core.surrogate import STRAIGHT_THROUGH, Surrogate
from bnnaudit.core.threat import Norm, Threat


class Method(StrEnum):
    """Which attack. With a temperature rule FGSM and PGD are called FGSM++ and PGD++ ([Gupta & Ajanthan 2022])."""

    FGSM = "fgsm"
    PGD = "pgd"
    APGD = "apgd"
    FAB = "fab"
    DEEPFOOL = "deepfool"
    BRENDEL_BETHGE = "bba"
    SQUARE = "square"
    RANDOM = "random"
    HARD_LABEL = "hard-label"
    IPROP = "iprop"
    AUTO = "auto"

    @property
    def climbs(self) -> bool:
        """Whether it follows the gradient of one loss, which a temperature changes."""
        return issubclass(SETTINGS[self], Climb)

    @property
    def searches(self) -> bool:
        """Whether it asks the network for its answers only: no steps, no gradient, no surrogate, no temperature."""
        return issubclass(SETTINGS[self], Search)


class LossKind(StrEnum):
    """What the attack maximises. The targeted ones go for one other class after the other, the likeliest first."""

    CROSS_ENTROPY = "ce"
    DLR = "dlr"
    MARGIN = "margin"
    DLR_TARGETED = "dlr-targeted"
    MARGIN_TARGETED = "margin-targeted"

    @property
    def targeted(self) -> bool:
        """Whether it goes for one class."""
        return self in (LossKind.DLR_TARGETED, LossKind.MARGIN_TARGETED)


class BetaRule(StrEnum):
    """How the temperature b that multiplies the logits is chosen."""

    NONE = "none"
    FIXED = "fixed"
    NJS = "njs"
    HNS = "hns"
    HNS_GRID = "hns-grid"
    HNS_SKETCH = "hns-sketch"
    HNS_LOGIT = "hns-logit"
    BOUND = "bound"
    TRACKED = "tracked"


class Curvature(StrEnum):
    """Which Hessian `hns` makes large: that of a network linear between its kinks, or with the term of dJ/dn as well."""

    LINEAR = "linear"
    FULL = "full"


DEFAULT_RHO = 0.01
"""[Gupta & Ajanthan 2022]'s least error signal."""


@dataclass(frozen=True, slots=True)
class Beta:
    """A temperature rule with what belongs to it.

    `value` counts for `BetaRule.FIXED` only. rho: the least error signal 1 - p_k that `njs` and `bound` allow, in (0, 1).
    curvature: the Hessian of `hns`.
    """

    rule: BetaRule = BetaRule.NONE
    value: float = 1.0
    rho: float = DEFAULT_RHO
    curvature: Curvature = Curvature.LINEAR

    @classmethod
    def parse(cls, text: str) -> Beta:
        """A rule's name (`njs:0.05`, `bound:0.05` with its rho, `hns:full` with its curvature), or a positive number: a fixed b.

        Raises UsageError otherwise.
        """
        name, colon, rest = text.partition(":")
        if colon:
            return cls._with_argument(text, name, rest)
        if text in tuple(BetaRule) and text != BetaRule.FIXED:
            return cls(BetaRule(text))
        names = ", ".join(rule for rule in BetaRule if rule is not BetaRule.FIXED)
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"beta: {text!r} is neither a positive number nor one of {names}") from None
        if not 0 < value < float("inf"):
            raise UsageError(f"beta: {text[:40]} is not a positive number; write one, or one of {names}")
        if not SMALLEST_NUMBER <= value <= LARGEST_NUMBER:
            raise UsageError(
                f"beta: {text[:40]} is outside {SMALLEST_NUMBER:g}..{LARGEST_NUMBER:g}, and logits times it become infinite or 0"
            )
        return cls(BetaRule.FIXED, value)

    @classmethod
    def _with_argument(cls, text: str, name: str, rest: str) -> Beta:
        if name == BetaRule.HNS and rest in tuple(Curvature):
            return cls(BetaRule.HNS, curvature=Curvature(rest))
        if name not in (BetaRule.NJS, BetaRule.BOUND):
            raise UsageError(
                f"beta: {text!r} is none of njs:RHO, bound:RHO, hns:linear and hns:full; no other rule takes an argument"
            )
        try:
            rho = float(rest)
        except ValueError:
            rho = 0.0
        if not 0 < rho < 1:
            raise UsageError(f"beta: {text!r} has no usable rho; write a number between 0 and 1, as in {name}:0.01")
        return cls(BetaRule(name), rho=rho)

    def __str__(self) -> str:
        match self.rule:
            case BetaRule.FIXED:
                return f"{self.value:g}"
            case BetaRule.NJS | BetaRule.BOUND if self.rho != DEFAULT_RHO:
                return f"{self.rule}:{self.rho:g}"
            case BetaRule.HNS if self.curvature is not Curvature.LINEAR:
                return f"{self.rule}:{self.curvature}"
            case _:
                return str(self.rule)


class ErrorSignal(StrEnum):
    """How psi = dl/da is computed before it goes back through the network.

    `plain` is the ordinary arithmetic of other libraries, which underflows on saturated logits; `exact` gives the same
    direction rescaled for each image, which never underflows; `auto` is plain without a temperature and exact with one.
    """

    AUTO = "auto"
    PLAIN = "plain"
    EXACT = "exact"


class BudgetUnit(StrEnum):
    """What a budget is counted in."""

    GRADIENTS = "gradients"
    SECONDS = "seconds"


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that an attack may spend: gradient evaluations (a forward and a backward pass) per image, or seconds in all.

    With seconds a result depends on the machine's speed; with gradients it does not.
    """

    amount: float = 1000
    unit: BudgetUnit = BudgetUnit.GRADIENTS

    @classmethod
    def parse(cls, text: str | int) -> Budget:
        """`500` (gradients per image) or `30s`; raises UsageError for what is not a positive amount."""
        number, seconds = (text[:-1], True) if isinstance(text, str) and text.endswith("s") else (text, False)
        try:
            amount = float(number) if seconds else int(number)
        except (ValueError, OverflowError):
            amount = 0
        if not 0 < amount < float("inf"):
            raise UsageError(
                f"budget: {str(text)[:40]!r} is neither a number of gradients per image (500) nor seconds (30s)"
            )
        if amount > (LONGEST_BUDGET if seconds else MOST_GRADIENTS):
            raise UsageError(
                f"budget: {str(text)[:40]!r} is more than {MOST_GRADIENTS:,} gradients per image, or {LONGEST_BUDGET:,} seconds"
            )
        return cls(amount, BudgetUnit.SECONDS if seconds else BudgetUnit.GRADIENTS)

    @property
    def units(self) -> int:
        """Units of progress per image of an attack that spends it: gradients, or percents of the time."""
        return round(self.amount) if self.unit is BudgetUnit.GRADIENTS else 100

    def __str__(self) -> str:
        return f"{self.amount:g}s" if self.unit is BudgetUnit.SECONDS else f"{self.amount:g}"


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True)
class AttackSettings:
    """One attack, fully specified apart from model, data and threat. Each method has a type of its own, with its options.

    What is written here holds for a method that has no such option, and is what a report says of it. A subclass is a frozen
    dataclass whose fields are its options.
    """

    method: ClassVar[Method]
    steps = 20
    restarts = 1
    beta = Beta()
    surrogate = STRAIGHT_THROUGH
    loss = LossKind.CROSS_ENTROPY
    targets = 1
    stop_at_success = True

    def __init_subclass__(cls, method: Method | None = None) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        if method is not None:
            cls.method = method

    @property
    def name(self) -> str:
        """`pgd`, or `pgd++` with a temperature rule."""
        return f"{self.method}++" if self.beta.rule is not BetaRule.NONE else str(self.method)

    @property
    def signal(self) -> ErrorSignal:
        """The error signal that is used, `plain` or `exact`."""
        return ErrorSignal.PLAIN

    @property
    def rounds(self) -> int:
        """How often it starts: once per restart and, for a targeted loss, once per class as well."""
        return self.restarts * (self.targets if self.loss.targeted else 1)

    @property
    def image_steps(self) -> int:
        """Units of progress that the attack reports for each image."""
        return self.steps * self.rounds

    def first_step(self, threat: Threat) -> float | None:
        """The step that the attack begins with, in units of the [0,1] image; None for methods without a step."""
        return None


class Climb(AttackSettings):
    """What FGSM, PGD and APGD share: they follow the gradient of one loss.

    `step_size` is in units of the [0,1] image; None means the method's own share `radii` of the threat's eps. Without
    `stop_at_success` an image goes on past its first success to the most confident one, as a transfer attack wants it.
    `targets`: classes that a targeted loss goes for.
    """

    step_size: float | None = None
    restarts: int = 1
    beta: Beta = Beta()
    surrogate: Surrogate = STRAIGHT_THROUGH
    loss: LossKind = LossKind.CROSS_ENTROPY
    targets: int = 9
    error_signal: ErrorSignal = ErrorSignal.AUTO
    stop_at_success: bool = True
    momentum = 0.0
    final_step = 1.0
    radii: ClassVar[Mapping[Norm, float]]

    def first_step(self, threat: Threat) -> float:
        """`step_size`, or the method's own one for the threat."""
        return self.radii[threat.norm] * threat.eps if self.step_size is None else self.step_size

    @property
    def signal(self) -> ErrorSignal:
        """Plain without a temperature and exact with one, unless the settings say which."""
        if self.error_signal is not ErrorSignal.AUTO:
            return self.error_signal
        return ErrorSignal.PLAIN if self.beta.rule is BetaRule.NONE else ErrorSignal.EXACT


class Fgsm(Climb, method=Method.FGSM):
    """One step from each start, of the whole radius."""

    steps = 1
    radii: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 1, Norm.L2: 1}


class Pgd(Climb, method=Method.PGD):
    """Projected steps, in [Gupta & Ajanthan 2022]'s proportions for CIFAR-10 where no size is given.

    `momentum`: the share of the last direction in the next one, 0 in plain PGD. `final_step`: the size of the last step as a
    fraction of the first, reached in even ratios.
    """

    steps: int = 20
    momentum: float = 0.0
    final_step: float = 1.0
    radii: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 1 / 4, Norm.L2: 1 / 8}

    @property
    def in_one_step(self) -> Fgsm:
        """The same in one step of FGSM's own size."""
        shared = {field.name: getattr(self, field.name) for field in fields(Fgsm)}
        return Fgsm(**{**shared, "step_size": None})


class Apgd(Climb, method=Method.APGD):
    """Steps whose size adapts; `step_size` is that of the first, twice the radius where not given."""

    steps: int = 20
    radii: ClassVar[Mapping[Norm, float]] = {Norm.LINF: 2, Norm.L2: 2}


class Fab(AttackSettings, method=Method.FAB):
    """`targets`: classes whose boundaries are looked at, one in each round where the loss is targeted, else all at once."""

    steps: int = 20
    restarts: int = 1
    surrogate: Surrogate = STRAIGHT_THROUGH
    loss: LossKind = LossKind.CROSS_ENTROPY
    targets: int = 9


class DeepFool(AttackSettings, method=Method.DEEPFOOL):
    """It has no random start, so restarts would repeat it. `targets`: classes whose boundaries are looked at."""

    steps: int = 20
    surrogate: Surrogate = STRAIGHT_THROUGH
    targets: int = 9


class BrendelBethge(AttackSettings, method=Method.BRENDEL_BETHGE):
    """Steps along the decision boundary."""

    steps: int = 20
    restarts: int = 1
    surrogate: Surrogate = STRAIGHT_THROUGH


class Search(AttackSettings):
    """What the attacks share that ask the network for its answers only: no gradient, so no surrogate and no temperature.

    `queries`: forward passes per image in each restart.
    """

    steps = 1
    queries: int = 5000
    restarts: int = 1

    @property
    def image_steps(self) -> int:
        """A forward pass for each query of each restart."""
        return self.queries * self.restarts


class Square(Search, method=Method.SQUARE):
    """Squares of one sign, by the scores."""


class RandomSearch(Search, method=Method.RANDOM):
    """Random points, by the scores."""


class HardLabel(Search, method=Method.HARD_LABEL):
    """By the predicted class alone."""


class Iprop(AttackSettings, method=Method.IPROP):
    """Target propagation. Without `stop_at_success` an image goes on past its first success."""

    steps: int = 20
    restarts: int = 1
    stop_at_success: bool = True


class Auto(AttackSettings, method=Method.AUTO):
    """It chooses everything but what it may spend."""

    budget: Budget = Budget()

    @property
    def image_steps(self) -> int:
        """The budget in gradients per image, or percents of the time."""
        return self.budget.units


SETTINGS: Mapping[Method, type[AttackSettings]] = {
    kind.method: kind
    for kind in (Fgsm, Pgd, Apgd, Fab, DeepFool, BrendelBethge, Square, RandomSearch, HardLabel, Iprop, Auto)
}
"""The settings of each method."""


def options_of(method: Method) -> tuple[str, ...]:
    """The names of the method's options."""
    return tuple(field.name for field in fields(SETTINGS[method]))


def settings_of(method: Method, **options: Any) -> AttackSettings:
    """The method's settings with those of the options that it has."""
    known = options_of(method)
    return SETTINGS[method](**{name: value for name, value in options.items() if name in known})
