"""The report: everything that an audit found, as plain values. `reports/` turns it into text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.auto_run import Part
from bnnaudit.core.comparison import Baseline
from bnnaudit.core.effort import Effort
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.facts import ModelFacts
from bnnaudit.core.finding import CatalogueCheck, Fault, Finding, Skip, speaks_of_masking
from bnnaudit.core.gate import Gate, Outcome
from bnnaudit.core.image_rows import Example, ImageRow
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import Source
from bnnaudit.core.vanishing import where_it_vanishes

SCHEMA = "bnnaudit-report/1"


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What was audited on.

    labelled: False where the model's own predictions stand in for labels. classes: the names of the classes by their numbers,
    empty where the data have none.
    """

    source: str
    samples: int
    sha256: str
    labelled: bool = True
    classes: tuple[str, ...] = ()


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

    @property
    def reaches_radius(self) -> bool:
        """Whether its steps together can reach the radius, to 1 %; else it is another attack than the name says."""
        return self.step_size is None or self.settings.steps * self.step_size >= 0.99 * self.threat.eps

    @property
    def differs_as_8bit(self) -> bool:
        """Whether rounding to 8-bit pixels was measured and can matter: pixels of 8 bits at most are rounded already."""
        grid = self.threat.grid
        return self.accuracy_8bit is not None and self.threat.image_bits is None and (grid is None or grid.values > 256)


@dataclass(frozen=True, slots=True)
class SubstituteFacts:
    """The network that transferred images were made on, run on the images of the sample without attack.

    path, sha256: of the file that was given; empty for a network trained on the model's answers. accuracy: None where the data
    have no labels. agreement: the share of images that it puts into the class that the deployed model does.
    """

    path: str
    sha256: str
    accuracy: Estimate | None
    agreement: Estimate

    @property
    def trained(self) -> bool:
        """Whether it was made for this audit, and not given."""
        return not self.path


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
class PlaceGradient:
    """The gradient at one place of the network: its mean norm over the images.

    zero_gradient_fraction: share of images whose gradient is exactly zero everywhere or denormal.
    """

    gradient_norm: float
    zero_gradient_fraction: float


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place on the way back from the logits to the input, under each temperature rule."""

    name: str
    original: PlaceGradient
    njs: PlaceGradient
    hns: PlaceGradient


@dataclass(frozen=True, slots=True)
class Vanishing:
    """The place at which most images lose their gradient on its way back to the input, and the share that lose it there.

    saturated: the place is the logits, so that it is the softmax that lets nothing through.
    """

    place: str
    fraction: float
    saturated: bool


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


Scaling = Literal["original", "njs", "hns"]
SCALINGS: Mapping[Scaling, str] = {"original": "as it is", "njs": "NJS", "hns": "HNS"}
"""The network as it is, or with one of the two published temperature rules: the fields of a `SignalTable`, and their titles."""


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

    def vanishing(self, scaling: Scaling) -> Vanishing | None:
        """Where the gradient vanishes; None where it reaches the input, or was not followed."""
        end = where_it_vanishes([getattr(place, scaling).zero_gradient_fraction for place in self.places])
        return None if end is None else Vanishing(self.places[end.place].name, end.fraction, end.place == 0)


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


class CureKind(StrEnum):
    """What is changed in the attack that the claim rests on."""

    TEMPERATURE = "temperature"
    SURROGATE = "surrogate"
    LOSS = "loss"
    RESTARTS = "restarts"
    STEPS = "steps"
    ARITHMETIC = "arithmetic"
    LOGARITHM = "logarithm"
    BRIDGE = "bridge"
    AVERAGING = "averaging"
    EVERYTHING = "everything"
    """No change of its own: all attacks of the audit together."""


@dataclass(frozen=True, slots=True)
class Cure:
    """One cause of failing attacks taken away, all else as the claim's attack had it.

    kinds: two where each can be of no use without the other. recovered: the share of the images which that attack left that
    this one fools; `n` is their number.
    """

    kinds: tuple[CureKind, ...]
    setting: str
    recovered: Estimate

    @property
    def name(self) -> str:
        """`temperature`, `temperature + surrogate`."""
        return " + ".join(self.kinds)


@dataclass(frozen=True, slots=True)
class Remedy:
    """The simplest cure that recovers about as many images as any, and the codes of the causes found that it takes away."""

    cure: Cure
    causes: tuple[str, ...]


DECLARED, ORDINARY = "declared by the card", "ordinary PGD"
"""Where a claim comes from."""


class Status(StrEnum):
    """What the audit concludes about the model."""

    FAKE = "fake-robustness"
    NOT_ROBUST = "not-robust"
    CLAIM_NOT_MET = "claim-not-met"
    """The maker's figure is above what is left, and ordinary attacks show that as well: nothing is faked."""
    AS_CLAIMED = "robust-as-claimed"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of the chain, about the model: measured, per image, each success replayed on the deployed model.

    ordinary_accuracy: what ordinary PGD leaves. verified_accuracy: what is left after everything, an upper bound of the model's
    robust accuracy. declared_accuracy: what the model's maker states, a figure without an interval.
    """

    status: Status
    reason: str
    ordinary_accuracy: Estimate | None = None
    verified_accuracy: Estimate | None = None
    declared_accuracy: float | None = None

    @property
    def claimed_accuracy(self) -> float | None:
        """The claim: what the maker declares, else what ordinary PGD leaves."""
        if self.declared_accuracy is not None:
            return self.declared_accuracy
        return None if self.ordinary_accuracy is None else self.ordinary_accuracy.value

    @property
    def claim_source(self) -> str:
        """Whose claim it is; empty where there is none."""
        if self.declared_accuracy is not None:
            return DECLARED
        return "" if self.ordinary_accuracy is None else ORDINARY


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do with the model, in a sentence or two, and the codes of the findings that it answers."""

    text: str
    rules: tuple[str, ...] = ()


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

    remedy: what to change in the attack; None where nothing was found to remedy, or no cure recovers enough. advice: what to do
    with the model, the most important first. gate: None for a run that judges nothing. checks: all that an audit was to make, in
    the order of the catalogue, those that were skipped included. images: those attacked, in the order of the data set. examples:
    counterexamples to look at. comparisons: how many tests the significance of each finding was corrected for. seed: of the
    random numbers of an audit. extent: None where a run attacks all images of its sample in any case. output: what the deployed
    model's scores can tell apart on the clean images. serving: None where all sessions of the deployed model are the same.
    baseline: the earlier report that this one was held against, None where none was given. substitute: None where no network
    other than the model was attacked.
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
    remedy: Remedy | None = None
    findings: tuple[Finding, ...] = ()
    skipped: tuple[Skip, ...] = ()
    faults: tuple[Fault, ...] = ()
    checks: tuple[CatalogueCheck, ...] = ()
    verdict: Verdict | None = None
    effort: Effort | None = None
    seed: int | None = None
    comparisons: int = 0
    output: OutputScores | None = None
    extent: Extent | None = None
    serving: Serving | None = None
    gate: Gate | None = None
    advice: tuple[Advice, ...] = ()
    images: tuple[ImageRow, ...] = ()
    examples: tuple[Example, ...] = ()
    baseline: Baseline | None = None
    substitute: SubstituteFacts | None = None

    @property
    def passed(self) -> bool:
        """Whether the gate let the model pass."""
        return self.gate is not None and self.gate.outcome is Outcome.PASSED

    @property
    def waived(self) -> tuple[Finding, ...]:
        """The findings that the policy accepts."""
        return tuple(finding for finding in self.findings if finding.waiver is not None)

    @property
    def strongest(self) -> AttackRow | None:
        """The attack that leaves the lowest accuracy, the first of several."""
        return min(self.attacks, key=lambda row: row.accuracy.value, default=None)

    @property
    def shows_masking(self) -> bool:
        """Whether any finding is evidence of gradient masking."""
        return any(speaks_of_masking(finding) for finding in self.findings)
