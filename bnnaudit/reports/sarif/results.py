"""The results of a run: findings, and criteria of the gate that are not met."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bnnaudit.core.finding import BaselineState, Finding
from bnnaudit.core.gate import Criterion, CriterionKind, Outcome
from bnnaudit.core.policy import Waiver
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.core.threat import Threat
from bnnaudit.reports.json.parts import JsonObject, record
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.safe_text import file_name
from bnnaudit.reports.sarif.artifact import location_of
from bnnaudit.reports.sarif.messages import message
from bnnaudit.reports.sarif.rules import descriptor_of, gate_code, gate_descriptor
from bnnaudit.reports.verdict_words import waiver_words

FINGERPRINT = "bnnaudit/v1"
"""What the fingerprint of a result is called; another number as soon as it is made of other things."""
CODE_SCANNING_FINGERPRINT = "primaryLocationLineHash"
"""The only fingerprint that GitHub's code scanning compares; without it, it would hash lines of the model file."""
_STATES: Mapping[BaselineState, str] = {
    BaselineState.NEW: "new",
    BaselineState.UNCHANGED: "unchanged",
    BaselineState.WORSE: "updated",
}
_OF_SEVERAL = (CriterionKind.REQUIRED, CriterionKind.BASELINE)
"""Kinds of criteria of which a policy may have several, told apart by what is asked."""


@dataclass(frozen=True, slots=True)
class Results:
    """The rules of a run and its results, each of which points at one of them."""

    rules: tuple[JsonObject, ...]
    results: tuple[JsonObject, ...]


def results_of(entry: Report | Failure) -> Results:
    """Every finding, the waived ones too, every criterion that is failed or undecided, and what the baseline alone has.

    An audit that gave no report has one result: that it is open whether the model may pass.
    """
    if isinstance(entry, Failure):
        reason = f"the model was not audited: {entry.message}"
        stopped = Criterion(CriterionKind.AUDIT, "a verdict about the model", Outcome.UNDECIDED, reason)
        return _placed((), [stopped], entry.model, None)
    asked = () if entry.gate is None else entry.gate.criteria
    unmet = [criterion for criterion in asked if criterion.outcome is not Outcome.PASSED]
    gone = () if entry.baseline is None else entry.baseline.gone
    return _placed(
        entry.findings, unmet, entry.model.path, entry.threat, [one.finding for one in gone if not one.unchecked]
    )


def fingerprint(code: str, path: str, threat: Threat | None, about: str = "") -> str:
    """What makes a result the same in another run.

    Its rule, the model by its file's name, the threat and, for a rule that is asked of several things, that thing. No figure, no
    digest, no time, no folder and no version.
    """
    parts = (code, file_name(path), "" if threat is None else threat_text(threat), about)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()


def _placed(
    findings: Sequence[Finding],
    unmet: Sequence[Criterion],
    path: str,
    threat: Threat | None,
    gone: Sequence[Finding] = (),
) -> Results:
    """The results with the index of their rule, the model as their location, and their fingerprints.

    A finding that is gone has the fingerprint that it had in its own run.
    """
    rules = (*_found_rules((*findings, *gone)), *(gate_descriptor(kind) for kind in _kinds(unmet)))
    index = {rule["id"]: number for number, rule in enumerate(rules)}
    marks = [fingerprint(finding.rule.code, path, threat) for finding in findings]
    marks += [fingerprint(gate_code(each.kind), path, threat, _about(each)) for each in unmet]
    marks += [fingerprint(finding.rule.code, path, threat) for finding in gone]
    results = _alike([*map(_finding, findings), *map(_criterion, unmet), *map(_absent, gone)])
    return Results(
        rules,
        tuple(
            {
                "ruleId": result["ruleId"],
                "ruleIndex": index[result["ruleId"]],
                **result,
                "locations": [location_of(path)],
                "partialFingerprints": {FINGERPRINT: mark, CODE_SCANNING_FINGERPRINT: mark},
            }
            for result, mark in zip(results, _numbered(marks), strict=True)
        ),
    )


def _numbered(marks: Iterable[str]) -> list[str]:
    """Results that are alike in all of this are told apart by their order, as code scanning does it."""
    seen: Counter[str] = Counter()
    numbered = []
    for mark in marks:
        seen[mark] += 1
        numbered.append(f"{mark}:{seen[mark]}")
    return numbered


def _alike(results: list[JsonObject]) -> list[JsonObject]:
    """Suppressions and baseline states on all results where any has them, as SARIF asks (sections 3.27.23 and 3.27.24).

    A criterion of the gate is asked of each release anew, and nothing accepts that it is not met.
    """
    if any("suppressions" in result for result in results):
        results = [{"suppressions": [], **result} for result in results]
    if any("baselineState" in result for result in results):
        results = [{"baselineState": "new", **result} for result in results]
    return results


def _found_rules(findings: Iterable[Finding]) -> list[JsonObject]:
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.rule.code, []).append(finding)
    return [descriptor_of(group[0].rule, group) for group in grouped.values()]


def _kinds(criteria: Iterable[Criterion]) -> list[CriterionKind]:
    return list(dict.fromkeys(criterion.kind for criterion in criteria))


def _about(criterion: Criterion) -> str:
    return criterion.asked if criterion.kind in _OF_SEVERAL else ""


def _finding(finding: Finding) -> JsonObject:
    known = {} if finding.baseline is None else {"baselineState": _STATES[finding.baseline]}
    waived = {} if finding.waiver is None else {"suppressions": [_suppression(finding.waiver)]}
    return {
        "ruleId": finding.rule.code,
        "level": str(finding.severity),
        "message": message(finding.message),
        **known,
        **waived,
        "properties": {
            "confidence": str(finding.confidence),
            "pValue": finding.p_value,
            "measurements": [record(measurement) for measurement in finding.measurements],
        },
    }


def _absent(finding: Finding) -> JsonObject:
    """At no level, because nothing is wrong any more."""
    return {**_finding(finding), "kind": "pass", "level": "none", "baselineState": "absent"}


def _suppression(waiver: Waiver) -> JsonObject:
    justification = message(f"Waived {waiver_words(waiver)}")["text"]
    return {"kind": "external", "status": "accepted", "justification": justification}


def _criterion(criterion: Criterion) -> JsonObject:
    """A failed criterion is an error; of an undecided one SARIF says that it is open, at no level."""
    failed = criterion.outcome is Outcome.FAILED
    words = f"{'Not met' if failed else 'Undecided'}: {criterion.asked}; {criterion.reason}"
    return {
        "ruleId": gate_code(criterion.kind),
        "kind": "fail" if failed else "open",
        "level": "error" if failed else "none",
        "message": message(words),
        "properties": {
            **record(criterion, "threshold", "measured", "bound"),
            "moreImages": criterion.more_images,
        },
    }
