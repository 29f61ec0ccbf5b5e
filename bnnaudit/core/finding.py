"""Rules, and what an audit reports by them: findings, skips and faults."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.policy import Waiver

DECLARED_NOT_MET = "FR303"
"""Code of the rule about the maker's own figure, which ordinary attacks may show to be wrong as well."""


class Severity(StrEnum):
    """How much a finding matters to a release; errors fail a check that has no other policy."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Confidence(StrEnum):
    """How certain the evidence makes a finding."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class BaselineState(StrEnum):
    """How a finding stands to those of an earlier report."""

    NEW = "new"
    UNCHANGED = "unchanged"
    WORSE = "worse"


class Family(StrEnum):
    """What a rule is about: a symptom, a cause, the verdict, or the model itself."""

    SYMPTOM = "GM"
    CAUSE = "SP"
    VERDICT = "FR"
    MODEL = "MF"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the catalogue, in full. `explain` prints it; `source` cites entries of `core/sources.py` in brackets."""

    code: str
    name: str
    severity: Severity
    summary: str
    meaning: str
    measured: str
    threshold: str
    source: str
    remedy: str
    false_alarms: str

    @property
    def family(self) -> Family:
        """The family that the code's letters name."""
        return Family(self.code[:2])


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number a finding rests on; `low` and `high` bound its 95 % interval where it has one, `n` is its sample size."""

    name: str
    value: float
    unit: str = ""
    n: int | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fired, with a message about this model and the numbers it rests on.

    p_value: of the comparison that it rests on, None where it rests on none. waiver: by which it is accepted, if it
    is. baseline: how it stands to an earlier report, None where there is none.
    """

    rule: Rule
    message: str
    severity: Severity
    confidence: Confidence
    measurements: tuple[Measurement, ...] = ()
    p_value: float | None = None
    waiver: Waiver | None = None
    baseline: BaselineState | None = None


def speaks_of_masking(finding: Finding) -> bool:
    """Whether it is evidence of gradient masking.

    Facts about the model, notes on the verdict and a declared figure that is not met are none.
    """
    if finding.rule.family is Family.VERDICT:
        return finding.severity is not Severity.NOTE and finding.rule.code != DECLARED_NOT_MET
    return finding.rule.family in (Family.SYMPTOM, Family.CAUSE)


MISREAD = frozenset({"MF412", "MF413", "MF414", "MF416"})
"""Rules whose errors say that the sample is not what the model was made for: other images, other labels, fed otherwise."""


def is_misread(findings: Iterable[Finding]) -> bool:
    """Whether the figures and findings beside these describe something other than the model in use."""
    return any(finding.rule.code in MISREAD and finding.severity is Severity.ERROR for finding in findings)


@dataclass(frozen=True, slots=True)
class Undecided:
    """A comparison without a material difference; it counts among those that the significance is corrected for."""

    comparison: str
    p_value: float


@dataclass(frozen=True, slots=True)
class CatalogueCheck:
    """A check of the catalogue by its name, and the code and the name of the rule that it judges."""

    check: str
    rule: str
    name: str


@dataclass(frozen=True, slots=True)
class Skip:
    """A check that was not run, and why."""

    check: str
    why: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A check that broke; never mistaken for a finding. `required` faults leave the audit undecided."""

    check: str
    error: str
    required: bool = False
