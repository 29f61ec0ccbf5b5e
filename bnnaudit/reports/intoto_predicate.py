"""The predicate `test-result` of an audit by itself, as signers take it that make the statement: `actions/attest`, `cosign`.

The specification is in-toto's Test Result v0.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TypeAlias

from bnnaudit.core.errors import UsageError
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report, Status
from bnnaudit.core.suite import Failure
from bnnaudit.reports.by_model import LONGEST_MESSAGE, by_model
from bnnaudit.reports.documents import Document
from bnnaudit.reports.json.parts import JsonObject, json_text
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.page import Page
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.verdict_words import is_serious

PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
PASSED, WARNED, FAILED = "PASSED", "WARNED", "FAILED"
"""Results of tests, and of all of them together."""
Test: TypeAlias = tuple[str, str]
"""A name and a result."""


def write_intoto_predicate(document: Document, page: Page) -> str:
    """The predicate about one model, the same for every page; FAILED for one that was not audited.

    Raises UsageError for several models, since a signer puts all subjects that it is given before the predicate, and for a
    document that is no audit.
    """
    audited, failures = by_model(document, "intoto-predicate")
    if len(audited) + len(failures) != 1:
        raise UsageError(
            f"intoto-predicate: a predicate is about one model, not {len(audited) + len(failures)}; "
            "check each by itself, or write `intoto`"
        )
    return json_text(predicate(audited[0].reports) if audited else _unaudited(failures[0]))


def predicate(reports: Sequence[Report]) -> JsonObject:
    """What the gate said about one model: FAILED unless every criterion is met, WARNED where one is met despite warnings.

    One that is undecided is not met, for WARNED means passed with warnings; and nothing passes that no gate was asked about.
    A check that was skipped or broke has no outcome and is in none of the lists.
    """
    tests = [test for report in reports for test in _tests(report)]
    configuration = [entry for report in reports for entry in _configuration(report)]
    return _test_result(configuration, tests)


def _unaudited(failure: Failure) -> JsonObject:
    return _test_result([_tool(failure.provenance)], [(f"audit: {short(failure.message, LONGEST_MESSAGE)}", FAILED)])


def _test_result(configuration: list[JsonObject], tests: Sequence[Test]) -> JsonObject:
    by_result = {result: [name for name, given in tests if given == result] for result in (PASSED, WARNED, FAILED)}
    met = WARNED if by_result[WARNED] else PASSED
    return {
        "result": FAILED if by_result[FAILED] or not tests else met,
        "configuration": configuration,
        "passedTests": by_result[PASSED],
        "warnedTests": by_result[WARNED],
        "failedTests": by_result[FAILED],
    }


def _tests(report: Report) -> Iterator[Test]:
    """The criteria of the gate and the checks of the audit, named as in JUnit XML, each with its result."""
    threat, gate = threat_text(report.threat), report.gate
    if gate is None or not gate.criteria:
        yield f"{threat}: gate: nothing was asked of the model", FAILED
        return
    for criterion in gate.criteria:
        name = f"{threat}: gate {criterion.kind}: {short(criterion.asked)}"
        match criterion.outcome:
            case Outcome.PASSED:
                yield name, WARNED if _has_warnings(criterion, report) else PASSED
            case Outcome.FAILED:
                yield name, FAILED
            case Outcome.UNDECIDED:
                yield f"{name} (undecided)", FAILED
    known = {check.rule for check in report.checks}
    others = {finding.rule.code: finding.rule.name for finding in report.findings if finding.rule.code not in known}
    for code, rule in {**{check.rule: check.name for check in report.checks}, **others}.items():
        result = _result_of(code, report, gate)
        if result is not None:
            yield f"{threat}: {code} {short(rule)}", result


def _has_warnings(criterion: Criterion, report: Report) -> bool:
    """Whether a criterion is met although something speaks against the model: findings that do not fail, a broken check, a
    verdict against it."""
    if criterion.kind is CriterionKind.FINDINGS:
        return any(is_serious(finding) for finding in report.findings)
    good = report.verdict is not None and report.verdict.status in (Status.AS_CLAIMED, Status.NOT_ROBUST)
    return criterion.kind is CriterionKind.AUDIT and (bool(report.faults) or not good)


def _result_of(code: str, report: Report, gate: Gate) -> str | None:
    """FAILED where the gate counts a finding of the rule, WARNED where it has others, None where its check has no outcome."""
    findings = [finding for finding in report.findings if finding.rule.code == code]
    if any(gate.counts(finding) for finding in findings):
        return FAILED
    ended = {skip.check for skip in report.skipped} | {fault.check for fault in report.faults}
    if any(check.rule == code and check.check in ended for check in report.checks):
        return None
    return WARNED if any(map(is_serious, findings)) else PASSED


def _configuration(report: Report) -> Iterator[JsonObject]:
    """What the tests ran with, as resource descriptors: the tool, the data, the threat and the policy."""
    data, threat = report.data, report.threat
    yield _tool(report.provenance)
    yield {
        "name": short(data.source),
        **({"digest": {"sha256": data.sha256}} if data.sha256 else {}),
        "annotations": {"images": str(data.samples), "labels": "of the data" if data.labelled else "of the model"},
    }
    yield {"name": "threat", "annotations": {"norm": str(threat.norm), "eps": repr(threat.eps)}}
    if report.gate is not None:
        yield _policy(report.gate.policy)


def _tool(made: Provenance) -> JsonObject:
    return {"name": "bnnaudit", "annotations": {"version": made.version, "command": short(made.command)}}


def _policy(policy: Policy) -> JsonObject:
    """Its thresholds to read, and a digest of all of it to compare: of its JSON with sorted keys and without spaces."""
    whole = json.dumps(asdict(policy), default=str, sort_keys=True, separators=(",", ":"))
    limits = {name: repr(value) for name, value in asdict(policy.limits).items() if value is not None}
    return {
        "name": "policy",
        "digest": {"sha256": hashlib.sha256(whole.encode("ascii")).hexdigest()},
        "mediaType": "application/json",
        "annotations": {"fail_on": str(policy.fail_on), "decide": str(policy.decide), **limits},
    }
