"""The settings of an attack: plain values that a command line, a plan and a report share. What runs them is in `attacks/`."""

from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.errors import UsageError


class Method(StrEnum):
    """Which attack. With a temperature rule FGSM and PGD are called FGSM++ and PGD++ ([G22])."""

    FGSM = "fgsm"
    PGD = "pgd"


class LossKind(StrEnum):
    """What the attack maximises."""

    CROSS_ENTROPY = "ce"
    DLR = "dlr"
    MARGIN = "margin"


class BetaRule(StrEnum):
    """How the temperature b that multiplies the logits is chosen."""

    NONE = "none"
    FIXED = "fixed"
    NJS = "njs"
    HNS = "hns"
    HNS_GRID = "hns-grid"
    HNS_LOGIT = "hns-logit"
    TRACKED = "tracked"


@dataclass(frozen=True, slots=True)
class Beta:
    """A temperature rule; `value` counts for `BetaRule.FIXED` only."""

    rule: BetaRule = BetaRule.NONE
    value: float = 1.0

    @classmethod
    def parse(cls, text: str) -> "Beta":
        """A rule's name, or a positive number for a fixed b; raises UsageError otherwise."""
        if text in tuple(BetaRule) and text != BetaRule.FIXED:
            return cls(BetaRule(text))
        names = ", ".join(rule for rule in BetaRule if rule is not BetaRule.FIXED)
        try:
            value = float(text)
        except ValueError:
            raise UsageError(f"beta: {text!r} is neither a positive number nor one of {names}") from None
        if not 0 < value < float("inf"):
            raise UsageError(f"beta: {text} is not a positive number; write one, or one of {names}")
        return cls(BetaRule.FIXED, value)

    def __str__(self) -> str:
        return f"{self.value:g}" if self.rule is BetaRule.FIXED else str(self.rule)


class SurrogateKind(StrEnum):
    """The gradient that stands in for that of a sign or a round."""

    IDENTITY = "identity"
    CLIPPED = "clipped"
    ADAPTIVE = "adaptive"


DEFAULT_WIDTHS = {SurrogateKind.IDENTITY: 0.0, SurrogateKind.CLIPPED: 1.0, SurrogateKind.ADAPTIVE: 0.35}


@dataclass(frozen=True, slots=True)
class Surrogate:
    """A surrogate and its width: absolute for `clipped`, relative to the layer's mean |pre-activation| for `adaptive`."""

    kind: SurrogateKind = SurrogateKind.IDENTITY
    width: float = 0.0

    @classmethod
    def parse(cls, text: str) -> "Surrogate":
        """`identity`, `clipped`, `adaptive`, the last two optionally with a width as in `adaptive:0.5`."""
        name, _, width = text.partition(":")
        names = ", ".join(SurrogateKind)
        if name not in tuple(SurrogateKind):
            raise UsageError(f"surrogate: {text!r} is not one of {names} (a width may follow, as in adaptive:0.5)")
        kind = SurrogateKind(name)
        if not width:
            return cls(kind, DEFAULT_WIDTHS[kind])
        try:
            value = float(width)
        except ValueError:
            value = 0.0
        if kind is SurrogateKind.IDENTITY or not 0 < value < float("inf"):
            raise UsageError(f"surrogate: {text!r} has no usable width; clipped and adaptive take a positive number")
        return cls(kind, value)

    def __str__(self) -> str:
        return str(self.kind) if self.width == DEFAULT_WIDTHS[self.kind] else f"{self.kind}:{self.width:g}"


class ErrorSignal(StrEnum):
    """How psi = dl/da is computed before it goes back through the network.

    `plain` is the ordinary arithmetic of other libraries, which underflows on saturated logits; `exact` gives the same
    direction rescaled for each image, which never underflows; `auto` is plain without a temperature and exact with one.
    """

    AUTO = "auto"
    PLAIN = "plain"
    EXACT = "exact"


@dataclass(frozen=True, slots=True)
class AttackSettings:
    """One attack, fully specified apart from model, data and threat.

    `step_size` is in units of the [0,1] image; None means the default of the method for the threat's eps. Without
    `stop_at_success` an image goes on past its first success to the most confident one, as a transfer attack wants it.
    """

    method: Method = Method.PGD
    steps: int = 20
    step_size: float | None = None
    restarts: int = 1
    beta: Beta = Beta()
    surrogate: Surrogate = Surrogate()
    loss: LossKind = LossKind.CROSS_ENTROPY
    error_signal: ErrorSignal = ErrorSignal.AUTO
    l2_per_channel: bool = False
    stop_at_success: bool = True

    @property
    def name(self) -> str:
        """`pgd`, or `pgd++` with a temperature rule."""
        return f"{self.method}++" if self.beta.rule is not BetaRule.NONE else str(self.method)

    @property
    def signal(self) -> ErrorSignal:
        """The error signal that is used: `auto` resolved."""
        if self.error_signal is not ErrorSignal.AUTO:
            return self.error_signal
        return ErrorSignal.PLAIN if self.beta.rule is BetaRule.NONE else ErrorSignal.EXACT
