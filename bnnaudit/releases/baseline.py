"""A report held against an earlier one: only what is new, or worse beyond chance, fails its gate.

The verdict about the model stays as it is. A finding that the baseline has as well does not count; nor does a threshold that the
baseline misses as well, as long as the figure is not significantly worse; a figure that is significantly lower fails by itself.
What a baseline excuses never adds up: many small drops, none of them significant, pass as long as each release becomes the
baseline of the next, so it should be kept for many releases.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bnnaudit.auditing.advice import to_decide
from bnnaudit.auditing.gate import findings_criterion
from bnnaudit.auditing.thresholds import at_least, at_most, difference, gap_of, gap_to_declared
from bnnaudit.core.comparison import Accuracy, Baseline, StoredReport
from bnnaudit.core.errors import ReportError
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import BaselineState
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.core.threat import Threat
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
from bnnaudit.releases.comparing import Stored
from bnnaudit.releases.drops import drops_of, judged, paired_drop
from bnnaudit.releases.same_images import SameImages, same_images
from bnnaudit.rules.comparison import Paired, with_interval

OF = "the baseline"
_ABSENT = "The baseline has no report of this model under this threat, so that everything is new."
_ABOUT_FIGURES = (CriterionKind.CLEAN, CriterionKind.VERIFIED, CriterionKind.CLAIM, CriterionKind.GAP)


def require_threat(stored: Stored, threats: Iterable[Threat]) -> None:
    """Raises ReportError unless the baseline has a report under one of the threats, before any audit is run."""
    asked = list(threats)
    found = [entry.threat for entry in stored.entries if isinstance(entry, Report)]
    if found and not {threat_key(one) for one in asked} & {threat_key(one) for one in found}:
        names = ", ".join(dict.fromkeys(map(threat_name, found)))
        raise ReportError(
            f"{stored.file.path}: it was made under {names}, not {' or '.join(map(threat_name, asked))}; accuracies under "
            "different threats cannot be compared"
        )


def entry_for(stored: Stored, model: str, threat: Threat, alone: bool) -> Report | Failure | None:
    """What the baseline says of a model under a threat.

    Known by the model's file name; where one audit is held against one report, whatever the two models are called.
    """
    if alone and len(stored.entries) == 1:
        (entry,) = stored.entries
        return entry if isinstance(entry, Failure) or threat_key(entry.threat) == threat_key(threat) else None
    name = model_name(model)
    for entry in stored.entries:
        if isinstance(entry, Report):
            if model_name(entry.model.path) == name and threat_key(entry.threat) == threat_key(threat):
                return entry
        elif model_name(entry.model) == name:
            return entry
    return None


def attacked_by(entry: Report | Failure | None) -> int:
    """How many images the baseline attacked, as many as an audit needs that all of them can be compared."""
    return entry.extent.attacked if isinstance(entry, Report) and entry.extent is not None else 0


def held_against(report: Report, entry: Report | Failure | None, file: StoredReport) -> Report:
    """The report with each finding's state, the gate's answer in the light of the baseline, and what that was."""
    if report.gate is None:
        return report
    if not isinstance(entry, Report):
        void = "" if entry is None else f"it could not be audited: {entry.message}"
        warnings = (_ABSENT,) if entry is None else ()
        return _without(report, report.gate, Baseline(file, None, void, warnings=warnings))
    void = why_incomparable(entry, report) or why_undecided(entry)
    if void:
        return _without(report, report.gate, Baseline(file, release_of(entry), void))
    images = same_images(entry, report)
    baseline = Baseline(
        file=file,
        release=release_of(entry),
        images=images.counts,
        drops=drops_of(entry, report, images),
        gone=gone_findings(report, entry.findings),
        warnings=tuple(differences(entry, report, images.counts)),
    )
    findings = with_states(report.findings, entry.findings)
    held = replace(report, findings=findings, baseline=baseline)
    return _with_gate(held, _relaxed(held, report.gate, entry, images))


def _without(report: Report, gate: Gate, baseline: Baseline) -> Report:
    """Where nothing can be held against the baseline, every finding is new; one that is void leaves that question open."""
    findings = tuple(replace(finding, baseline=BaselineState.NEW) for finding in report.findings)
    held = replace(report, findings=findings, baseline=baseline)
    asked = "figures not significantly below those of the baseline"
    reason = f"the baseline excuses nothing, because {baseline.void}"
    open_question = (Criterion(CriterionKind.BASELINE, asked, Outcome.UNDECIDED, reason),) if baseline.void else ()
    return _with_gate(held, (*_findings_anew(gate, held), *open_question))


def _with_gate(report: Report, criteria: tuple[Criterion, ...]) -> Report:
    """The report with these criteria, and advice on those that are undecided now."""
    assert report.gate is not None
    gate = replace(report.gate, criteria=criteria)
    before = set(to_decide(report.gate))
    deciding = tuple(dict.fromkeys(to_decide(gate)))
    others = tuple(advice for advice in report.advice if advice not in before)
    in_doubt = any(one.kind is CriterionKind.AUDIT and one.outcome is not Outcome.PASSED for one in criteria)
    first = gate.outcome is Outcome.UNDECIDED and not in_doubt
    return replace(report, gate=gate, advice=(*deciding, *others) if first else (*others, *deciding))


def _findings_anew(gate: Gate, report: Report) -> tuple[Criterion, ...]:
    figures = any(criterion.kind in _ABOUT_FIGURES for criterion in gate.criteria)
    anew = findings_criterion(gate.policy, report.findings, figures)
    return tuple(anew if one.kind is CriterionKind.FINDINGS else one for one in gate.criteria)


def _relaxed(report: Report, gate: Gate, older: Report, images: SameImages) -> tuple[Criterion, ...]:
    """The criteria with those passed that the baseline misses as well, and one for each accuracy that must not fall."""
    assert report.baseline is not None
    policy = gate.policy
    drops = {drop.accuracy: judged(drop, policy.limits.max_drop, policy.decide, OF) for drop in report.baseline.drops}
    missed = {
        CriterionKind.CLEAN: _missed(older.clean_accuracy, drops.get(Accuracy.CLEAN)),
        CriterionKind.VERIFIED: _missed(_verified(older), drops.get(Accuracy.VERIFIED)),
        CriterionKind.CLAIM: _claim_missed(report, older, drops.get(Accuracy.VERIFIED)),
        CriterionKind.GAP: _gap_missed(report, older, images, drops.get(Accuracy.VERIFIED)),
    }
    return (*(_excused(one, gate, missed) for one in _findings_anew(gate, report)), *drops.values())


def _missed(figure: Estimate | None, drop: Criterion | None) -> Estimate | None:
    """The baseline's figure, where the newer one is not worse than it beyond what is allowed."""
    return figure if drop is not None and drop.outcome is Outcome.PASSED else None


def _verified(report: Report) -> Estimate | None:
    return None if report.verdict is None else report.verdict.verified_accuracy


def _claim_missed(report: Report, older: Report, drop: Criterion | None) -> Estimate | None:
    """The baseline's verified accuracy, where no more is declared now than there."""
    now = None if report.verdict is None else report.verdict.declared_accuracy
    before = None if older.verdict is None else older.verdict.declared_accuracy
    if now is None or before is None or now > before:
        return None
    return _missed(_verified(older), drop)


def _gap_missed(report: Report, older: Report, images: SameImages, drop: Criterion | None) -> Estimate | None:
    """The baseline's gap between claimed and verified, where it is not significantly wider now."""
    verdict, before = report.verdict, older.verdict
    if verdict is None or before is None:
        return None
    if verdict.declared_accuracy is not None:
        left = _claim_missed(report, older, drop)
        return (
            None
            if left is None or before.declared_accuracy is None
            else gap_to_declared(before.declared_accuracy, left)
        )
    pairs = [(_keeps(one), _keeps(other)) for one, other in images.pairs]
    known = [(one, other) for one, other in pairs if one is not None and other is not None]
    if before.declared_accuracy is not None or not known or paired_drop(Accuracy.VERIFIED, known).drop.low > 0:
        return None
    kept = [keeps for row in older.images if (keeps := _keeps(row)) is not None]
    return gap_of(Paired(0, kept.count(False), len(kept)))


def _keeps(row: ImageRow) -> bool | None:
    """Whether better attacks leave the image where ordinary ones do; None where one of the two was not measured."""
    return None if row.claimed is None or row.verified is None else not row.claimed or row.verified


def _excused(criterion: Criterion, gate: Gate, missed: Mapping[CriterionKind, Estimate | None]) -> Criterion:
    """Passed where the baseline does not meet it either: what is failed now has to fail there, by the same comparison."""
    figure = missed.get(criterion.kind)
    if criterion.outcome is Outcome.PASSED or figure is None or criterion.threshold is None:
        return criterion
    compare = at_most if criterion.kind is CriterionKind.GAP else at_least
    before = compare(figure, difference(criterion.threshold, 0), gate.policy.decide).outcome
    as_bad = before is Outcome.FAILED or before is criterion.outcome
    if not as_bad:
        return criterion
    most = "" if criterion.kind in (CriterionKind.CLEAN, CriterionKind.GAP) else "at most "
    why = f"Not met by the baseline either ({most}{with_interval(figure)}), and not significantly worse: {criterion.reason}"
    return replace(criterion, outcome=Outcome.PASSED, reason=why, more_images=None)
