"""The report: everything an audit found out, as plain values. `reports/` turns it into text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.auto_run import Part
from bnnaudit.core.effort import Effort
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import Fault, Finding, Skip, Waiver
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import Source
from bnnaudit.core.vanishing import where_it_vanishes

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
    """What the audit ran with.

    thread_dependent: parts of the report whose figures can differ, by the last bits of sums, on another number of threads.
    """

    python: str
    torch: str
    onnxruntime: str
    device: str
    threads: int
    thread_dependent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionAccuracies:
    """The same images in an exact session of the deployed model and in a default one; between: those that only one gets
    right."""

    exact: Estimate
    default: Estimate
    between: int


@dataclass(frozen=True, slots=True)
class Serving:
    """Which sessions count, where a default one may answer otherwise; clean: what each gets right without attack."""

    serve_as: ServeAs
    clean: SessionAccuracies


@dataclass(frozen=True, slots=True)
class AttackRow:
    """One attack's result; `step_size` is resolved, in units of the [0,1] image, None for methods without one.

    accuracy_8bit: what is left when the same adversarial images are rounded to 8-bit pixels; None where not measured.
    parts: what `auto` ran; empty for other attacks. sessions: None where a default session cannot differ.
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
    parts: tuple[Part, ...] = ()
    sessions: SessionAccuracies | None = None


@dataclass(frozen=True, slots=True)
class SignalRow:
    """Signal propagation under one temperature rule ([Gupta & Ajanthan 2022] Table 13): means over the probed images.

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
class Passage:
    """The gradient at one place of the network: its mean norm over the images, and the share of them where it is dead.

    dead_fraction: share of images whose gradient is exactly zero everywhere or denormal.
    """

    gradient_norm: float
    dead_fraction: float


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place on the way back from the logits to the input, under each temperature rule."""

    name: str
    original: Passage
    njs: Passage
    hns: Passage


@dataclass(frozen=True, slots=True)
class SignalCurves:
    """Means over the probed images against b ([Gupta & Ajanthan 2022], Figures 4 and 5), one entry for each of `betas`.

    psi_norm: ||p(b) - y||. softmax_jacobian_norm: ||b (diag p - p p^T)||_F. hessian_norm: ||b^2 J^T (diag p - p p^T) J||_F.
    gradient_norm: ||b J^T psi||.
    """

    betas: tuple[float, ...]
    psi_norm: tuple[float, ...]
    softmax_jacobian_norm: tuple[float, ...]
    hessian_norm: tuple[float, ...]
    gradient_norm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SignalTable:
    """Signal propagation of the network as it is, and with the two published temperature rules.

    places: from the logits through every step without a gradient of its own, the last one first, to the input.
    """

    original: SignalRow
    njs: SignalRow
    hns: SignalRow
    places: tuple[PlaceRow, ...] = ()
    curves: SignalCurves | None = None


def place_of_death(passages: Sequence[Passage]) -> int | None:
    """Which of the places, in order from the logits to the input, loses most images; None where the signal arrives."""
    return where_it_vanishes([passage.dead_fraction for passage in passages])


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


PAIRED = " + "
"""Between the names of two cures that are tried together, because each of them can be of no use without the other."""
EVERYTHING = "everything"
"""The last line of the table of cures: what all attacks of the audit recover together."""


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
class Extent:
    """How many images of the sample an audit attacked. blocks: the images of each block, after which it might have ended."""

    attacked: int
    available: int
    blocks: tuple[int, ...] = ()

    @property
    def ended_early(self) -> bool:
        """Whether the verdict was decided before all images were attacked."""
        return 0 < self.attacked < self.available


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run. What was not measured is None or empty; nothing that was found is ever left out.

    comparisons: how many tests the significance of each finding was corrected for. extent: None where a run attacks all
    images of its sample in any case. output: what the deployed model's scores can tell apart on the clean images. serving:
    None where all sessions of the deployed model are the same.
    """

    provenance: Provenance
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
    output: OutputScores | None = None
    extent: Extent | None = None
    serving: Serving | None = None
