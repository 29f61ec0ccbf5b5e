"""Findings and their rules as JSON."""

from collections.abc import Iterable

from bnnaudit.core.finding import Finding, Measurement
from bnnaudit.reports.json.parts import JsonObject, record


def rules_to_json(findings: Iterable[Finding]) -> JsonObject:
    """The rules of all findings in full, by their codes."""
    rules = {finding.rule.code: finding.rule for finding in findings}
    return {code: record(rule) for code, rule in rules.items()}


def finding_to_json(finding: Finding) -> JsonObject:
    """What was found; the rule's own texts stand elsewhere in a document."""
    return {
        "rule": finding.rule.code,
        "name": finding.rule.name,
        **record(finding, "severity", "confidence", "message"),
        "evidence": _evidence(finding.measurements),
        **record(finding, "p_value", "waiver", "baseline"),
    }


def _evidence(measurements: Iterable[Measurement]) -> JsonObject:
    """By name; a name that occurs again gets a number, so that no measurement replaces another."""
    evidence: JsonObject = {}
    for measurement in measurements:
        name, again = measurement.name, 1
        while name in evidence:
            again += 1
            name = f"{measurement.name} ({again})"
        bounded = measurement.low is not None and measurement.high is not None
        ends = [measurement.low, measurement.high] if bounded else None
        evidence[name] = {**record(measurement, "value", "unit", "n"), "ci95": ends}
    return evidence
