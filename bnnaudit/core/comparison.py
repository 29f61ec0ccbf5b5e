"""Two releases compared: what is known of each, how far accuracies fell with intervals, and which findings are new or gone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bnnaudit.core.effort import Effort
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.exit_codes import ExitCode, worst
from bnnaudit.core.finding import Finding
from bnnaudit.core.gate import Criterion, Outcome, outcome_of
from bnnaudit.core.policy import Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.threat import Threat


class Accuracy(StrEnum):
    """Which accuracy of a model is compared."""

    CLEAN = "clean"
    VERIFIED = "verified"


@dataclass(frozen=True, slots=True)
class StoredReport:
    """The file that a report was read from: its path as given, and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Release:
    """What a report says of one model under one threat, in a line.

    created, version: of the report. status: the verdict's, empty where there is none. images: how many were attacked.
    claimed: what ordinary PGD leaves; declared: the maker's figure, which has no interval. outcome: of the gate, None where
    nothing was asked.
    """

    model: str
    model_sha256: str
    created: str
    version: str
    data: str
    data_sha256: str
    effort: Effort | None
    images: int
    status: str
    outcome: Outcome | None
    clean: Estimate | None
    claimed: Estimate | None
    verified: Estimate | None
    declared: float | None = None


@dataclass(frozen=True, slots=True)
class SharedImages:
    """How many images two reports have rows of, and how many of these are the same.

    shared: images with the same digest in both. relabelled: of these, the ones whose labels differ, which are not compared.
    """

    older: int
    newer: int
    shared: int
    relabelled: int

    @property
    def paired(self) -> int:
        """Images that can be compared one by one."""
        return self.shared - self.relabelled


@dataclass(frozen=True, slots=True)
class Drop:
    """How far an accuracy fell from the older to the newer release; below 0 where it rose.

    older, newer: on the images that are compared: the shared ones where `paired`, else all of each report. drop: the older less
    the newer one, with the 95 % interval of a difference of paired, else of independent, proportions. lost, gained: images
    that only the older, or only the newer one gets right. p_value: McNemar's exact test. None and 0 where nothing is paired.
    """

    accuracy: Accuracy
    older: Estimate
    newer: Estimate
    drop: Estimate
    paired: bool
    lost: int = 0
    gained: int = 0
    p_value: float | None = None


@dataclass(frozen=True, slots=True)
class GoneFinding:
    """A finding that only the older report has. unchecked: why its check has no outcome now; empty where it ran."""

    finding: Finding
    unchecked: str = ""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The earlier report that a report was held against.

    release: what that says of the model; None where it has no report of it under this threat. void: why it excuses nothing;
    empty where it does. warnings: differences that make figures hard to compare. gone: its findings that are no more.
    """

    file: StoredReport
    release: Release | None
    void: str = ""
    images: SharedImages | None = None
    drops: tuple[Drop, ...] = ()
    gone: tuple[GoneFinding, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """A model under one threat in two releases.

    findings: those of the newer one, each with its state. criteria: what was asked, and the answers.
    """

    threat: Threat
    older: Release
    newer: Release
    images: SharedImages
    drops: tuple[Drop, ...]
    findings: tuple[Finding, ...]
    gone: tuple[GoneFinding, ...]
    warnings: tuple[str, ...]
    policy: Policy
    criteria: tuple[Criterion, ...]

    @property
    def outcome(self) -> Outcome:
        """Of all criteria together."""
        return outcome_of(self.criteria)

    @property
    def exit_code(self) -> ExitCode:
        """1 where anything got worse, 3 where that is open."""
        return EXIT_CODES[self.outcome]


@dataclass(frozen=True, slots=True)
class NotCompared:
    """A model of the newer release that could not be audited: its message and exit code."""

    model: str
    message: str
    exit_code: ExitCode


@dataclass(frozen=True, slots=True)
class Comparison:
    """An older and a newer release, model by model.

    only_older, only_newer: names of what one release alone has, a model under a threat each; nothing is said of their figures.
    """

    provenance: Provenance
    older: StoredReport
    newer: StoredReport
    entries: tuple[ModelComparison | NotCompared, ...]
    only_older: tuple[str, ...] = ()
    only_newer: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """The worst of all models."""
        return worst(entry.exit_code for entry in self.entries)

    @property
    def outcome(self) -> Outcome:
        """Failed where any model got worse, else undecided where any is, or could not be audited."""
        codes = {entry.exit_code for entry in self.entries}
        if ExitCode.FAILED in codes:
            return Outcome.FAILED
        return Outcome.PASSED if codes <= {ExitCode.PASSED} else Outcome.UNDECIDED


EXIT_CODES = {
    Outcome.PASSED: ExitCode.PASSED,
    Outcome.FAILED: ExitCode.FAILED,
    Outcome.UNDECIDED: ExitCode.UNFINISHED,
}
