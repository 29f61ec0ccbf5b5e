"""Findings of a newer report held against those of an older one: new, worse, unchanged, and gone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from bnnaudit.core.comparison import GoneFinding
from bnnaudit.core.finding import BaselineState, Finding, Severity
from bnnaudit.core.report import Report

_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


def with_states(newer: Sequence[Finding], older: Sequence[Finding]) -> tuple[Finding, ...]:
    """The newer findings in their order, each with its state: a finding is known by its rule.

    It is worse where its severity is higher than before. Of a rule with several findings the most severe are held against one
    another; those beyond the older ones are new.
    """
    known = _by_rule(older)
    found: list[Finding] = list(newer)
    for index in sorted(range(len(found)), key=lambda index: _RANKS[found[index].severity]):
        finding = found[index]
        before = known[finding.rule.code]
        if not before:
            state = BaselineState.NEW
        elif _RANKS[finding.severity] < _RANKS[before.pop(0).severity]:
            state = BaselineState.WORSE
        else:
            state = BaselineState.UNCHANGED
        found[index] = replace(finding, baseline=state)
    return tuple(found)


def gone_findings(newer: Report, older: Sequence[Finding]) -> tuple[GoneFinding, ...]:
    """The older findings that the newer report has not, and whether their checks ran at all."""
    left = _by_rule(newer.findings)
    gone = []
    for finding in sorted(older, key=lambda each: _RANKS[each.severity]):
        if left[finding.rule.code]:
            left[finding.rule.code].pop(0)
        else:
            gone.append(GoneFinding(replace(finding, baseline=None, waiver=None), _unchecked(newer, finding.rule.code)))
    return tuple(gone)


def _by_rule(findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(findings, key=lambda each: _RANKS[each.severity]):
        found[finding.rule.code].append(finding)
    return found


def _unchecked(report: Report, rule: str) -> str:
    """Why none of the rule's checks has an outcome; empty where one ran."""
    checks = {check.check for check in report.checks if check.rule == rule}
    skipped = {skip.check: skip.why for skip in report.skipped} | {fault.check: fault.error for fault in report.faults}
    reasons = [skipped.get(check, "") for check in checks]
    return reasons[0] if reasons and all(reasons) else ""
