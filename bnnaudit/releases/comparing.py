"""An older and a newer release held against one another, model by model and threat by threat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bnnaudit.core.comparison import Comparison, ModelComparison, NotCompared, StoredReport
from bnnaudit.core.errors import ReportError
from bnnaudit.core.finding import Finding
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Decide, FailOn, Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.releases.changed_findings import gone_findings, with_states
from bnnaudit.releases.comparability import (
    differences,
    model_name,
    release_of,
    threat_key,
    threat_name,
    why_incomparable,
    why_undecided,
)
from bnnaudit.releases.drops import drops_of, judged
from bnnaudit.releases.same_images import same_images

OLDER = "the older release"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a comparison is asked beyond the policy that the newer release was checked by; None where that holds."""

    max_drop: float | None = None
    fail_on: FailOn | None = None
    decide: Decide | None = None

    def over(self, policy: Policy) -> Policy:
        """The policy with what was asked instead."""
        limits = policy.limits if self.max_drop is None else replace(policy.limits, max_drop=self.max_drop)
        fail_on, decide = self.fail_on or policy.fail_on, self.decide or policy.decide
        return replace(policy, limits=limits, fail_on=fail_on, decide=decide)


@dataclass(frozen=True, slots=True)
class Stored:
    """A release as it was read from its file."""

    file: StoredReport
    document: Report | Suite | Failure

    @property
    def entries(self) -> tuple[Report | Failure, ...]:
        """One for each model and threat."""
        return self.document.entries if isinstance(self.document, Suite) else (self.document,)


def compare_releases(older: Stored, newer: Stored, asked: Asked, made: Provenance) -> Comparison:
    """Each model under each threat that both have.

    Two reports of one model each are compared whatever the models are called. Raises ReportError where they cannot be, or where
    two suites have no model under the same threat in common.
    """
    if isinstance(older.document, Report) and isinstance(newer.document, Report):
        why = why_incomparable(older.document, newer.document)
        if why:
            raise ReportError(f"{older.file.path}: {why}; compare reports of the same threat, task and kind of data")
        return Comparison(made, older.file, newer.file, (compare_models(older.document, newer.document, asked),))
    return _matched(older, newer, asked, made)


def compare_models(older: Report, newer: Report, asked: Asked) -> ModelComparison:
    """One model under one threat; the two must be comparable."""
    images = same_images(older, newer)
    policy = asked.over(Policy() if newer.gate is None else newer.gate.policy)
    findings = with_states(newer.findings, older.findings)
    drops = drops_of(older, newer, images)
    doubts = [
        f"the audit of {whose} is undecided: {why.rstrip('.')}"
        for whose, why in ((OLDER, why_undecided(older)), ("the newer release", why_undecided(newer)))
        if why
    ]
    return ModelComparison(
        threat=newer.threat,
        older=release_of(older),
        newer=release_of(newer),
        images=images.counts,
        drops=drops,
        findings=findings,
        gone=gone_findings(newer, older.findings),
        warnings=tuple(differences(older, newer, images.counts)),
        policy=policy,
        criteria=(
            _audits(doubts),
            _new_findings(policy, findings),
            *(judged(drop, policy.limits.max_drop, policy.decide, OLDER) for drop in drops),
        ),
    )


def _audits(doubts: list[str]) -> Criterion:
    asked = "two audits that finished, with figures that can be trusted"
    outcome = Outcome.UNDECIDED if doubts else Outcome.PASSED
    reason = "; ".join(doubts) or "both finished, and their figures can be trusted"
    return Criterion(CriterionKind.AUDIT, asked, outcome, reason)


def _new_findings(policy: Policy, findings: Iterable[Finding]) -> Criterion:
    kind = CriterionKind.FINDINGS
    if policy.fail_on is FailOn.NEVER:
        return Criterion(kind, 'nothing of findings (fail_on = "never")', Outcome.PASSED, "passed over")
    level = "of any level" if policy.fail_on is FailOn.NOTE else f"of level {policy.fail_on}"
    asked = f"no new or worse finding {level}" + (" or above" if policy.fail_on is FailOn.WARNING else "")
    gate = Gate(policy, ())
    codes = dict.fromkeys(finding.rule.code for finding in findings if gate.counts(finding))
    outcome = Outcome.FAILED if codes else Outcome.PASSED
    return Criterion(kind, asked, outcome, ", ".join(codes) or "there is none")


def _matched(older: Stored, newer: Stored, asked: Asked, made: Provenance) -> Comparison:
    """By model name and threat; what only one has is named."""
    before, after = _by_name(older), _by_name(newer)
    entries: list[ModelComparison | NotCompared] = [
        NotCompared(entry.model, entry.message, entry.exit_code)
        for entry in newer.entries
        if isinstance(entry, Failure)
    ]
    for key, report in after.items():
        if key not in before:
            continue
        why = why_incomparable(before[key], report)
        if why:
            raise ReportError(f"{older.file.path}: {report.model.path}: {why}")
        entries.append(compare_models(before[key], report, asked))
    if not entries:
        raise ReportError(
            f"{older.file.path} and {newer.file.path} have no model under the same threat in common; models are matched by "
            "their file names"
        )
    return Comparison(
        made,
        older.file,
        newer.file,
        tuple(entries),
        tuple(_named(older, set(before) - set(after), failures=True)),
        tuple(_named(newer, set(after) - set(before), failures=False)),
    )


Key = tuple[object, ...]


def key_of(report: Report) -> Key:
    """What a model under a threat is known by in another release."""
    return model_name(report.model.path), *threat_key(report.threat)


def _by_name(stored: Stored) -> Mapping[Key, Report]:
    """Raises ReportError where two entries have the same name and threat."""
    found: dict[Key, Report] = {}
    for entry in stored.entries:
        if isinstance(entry, Report):
            if key_of(entry) in found:
                raise ReportError(
                    f"{stored.file.path}: it has {model_name(entry.model.path)} under {threat_name(entry.threat)} twice; "
                    "models are matched by their file names, so compare these one by one"
                )
            found[key_of(entry)] = entry
    return found


def _named(stored: Stored, keys: set[Key], *, failures: bool) -> Iterator[str]:
    """The entries of these keys in order, and where `failures` are asked for, those that were not audited."""
    for entry in stored.entries:
        if isinstance(entry, Report) and key_of(entry) in keys:
            yield f"{model_name(entry.model.path)} under {threat_name(entry.threat)}"
        elif isinstance(entry, Failure) and failures:
            yield f"{model_name(entry.model)}, which could not be audited"
