"""The report: everything an audit found out, as plain values. `reports/` turns it into text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Fault, Finding, Skip, Waiver
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import Source

SCHEMA = "bnnaudit-report/1"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A fraction of `n` images with its 95 % Wilson interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What was audited on. `labelled` is False where the model's own predictions stand in for labels."""

    source: str
    samples: int
    sha256: str
    labelled: bool = True


@dataclass(frozen=True, slots=True)
class Environment:
    """What the audit ran with."""

    python: str
    torch: str
    onnxruntime: str
    device: str
    threads: int


@dataclass(frozen=True, slots=True)
class AttackRow:
    """One attack's result; `step_size` is resolved, in units of the [0,1] image, None for methods without one.

    accuracy_8bit: what is left when the same adversarial images are rounded to 8-bit pixels; None where not measured.
    """

    settings: AttackSettings
    threat: Threat
    step_size: float | None
    source: Source
    accuracy: Estimate
    seconds: float
    forwards: int
    backwards: int
    replayed: int
    replay_disagreements: int
    role: str = ""
    accuracy_8bit: Estimate | None = None


@dataclass(frozen=True, slots=True)
class SignalRow:
    """Signal propagation under one temperature rule ([G22] Table 13): means over the probed images.

    jsv_mean, jsv_std: singular values of b J. psi_norm: ||p(b) - y||. gradient_norm: ||dl/dn||. sign_norm: ||sign(dl/dn)||.
    zero_gradient_fraction: share of images whose gradient is exactly zero everywhere or denormal.
    """

    jsv_mean: float
    jsv_std: float
    psi_norm: float
    gradient_norm: float
    sign_norm: float
    zero_gradient_fraction: float
    beta_median: float
    n: int


@dataclass(frozen=True, slots=True)
class SignalTable:
    """Signal propagation of the network as it is, and with the two published temperature rules."""

    original: SignalRow
    njs: SignalRow
    hns: SignalRow


@dataclass(frozen=True, slots=True)
class Sweep:
    """Accuracy against one parameter of one attack; `label` is the value as a person writes it."""

    parameter: str
    attack: str
    points: tuple[SweepPoint, ...]


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One point of a sweep."""

    value: float
    label: str
    accuracy: Estimate


@dataclass(frozen=True, slots=True)
class Cure:
    """One cause of failing attacks taken away, all else as the claim's attack had it.

    recovered: the share of the images which that attack left that this one fools; `n` is their number.
    """

    name: str
    setting: str
    recovered: Estimate


class Status(StrEnum):
    """What the audit concludes about the claim."""

    FAKE = "fake-robustness"
    NOT_ROBUST = "not-robust"
    AS_CLAIMED = "robust-as-claimed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of the chain: measured, per image, each success replayed on the deployed model."""

    status: Status
    passed: bool
    reason: str
    claimed_accuracy: Estimate | None = None
    verified_accuracy: Estimate | None = None
    claim_source: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. What was not measured is None or empty; nothing that was found is ever left out.

    comparisons: how many tests the significance of each finding was corrected for.
    """

    tool_version: str
    created: str
    command: str
    model: ModelFacts
    data: DataFacts
    threat: Threat
    environment: Environment
    clean_accuracy: Estimate | None = None
    attacks: tuple[AttackRow, ...] = ()
    signal: SignalTable | None = None
    sweeps: tuple[Sweep, ...] = ()
    cures: tuple[Cure, ...] = ()
    findings: tuple[Finding, ...] = ()
    waived: tuple[Waiver, ...] = ()
    skipped: tuple[Skip, ...] = ()
    faults: tuple[Fault, ...] = ()
    verdict: Verdict | None = None
    effort: Effort | None = None
    comparisons: int = 0
