"""The predicate `test-result` of an audit by itself, as signers take it that make the statement: `actions/attest`, `cosign`.

The specification is in-toto's Test Result v0.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from bnnaudit.core.errors import UsageError
from bnnaudit.core.finding import Severity
from bnnaudit.core.gate import Criterion, CriterionKind, Outcome
from bnnaudit.core.policy import Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.reports.by_model import by_model, short
from bnnaudit.reports.documents import Document
from bnnaudit.reports.json.parts import JsonObject, json_text
from bnnaudit.reports.numbers import threat_text
from bnnaudit.reports.page import Page

PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"


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
    """
    passed: list[str] = []
    warned: list[str] = []
    failed: list[str] = []
    for report in reports:
        threat = threat_text(report.threat)
        if report.gate is None:
            failed.append(f"{threat}: gate: nothing was asked of the model")
            continue
        for criterion in report.gate.criteria:
            name = f"{threat}: {criterion.kind}: {short(criterion.asked)}"
            match criterion.outcome:
                case Outcome.PASSED:
                    (warned if _despite_findings(report, criterion) else passed).append(name)
                case Outcome.FAILED:
                    failed.append(name)
                case Outcome.UNDECIDED:
                    failed.append(f"{name} (undecided)")
    configuration = [entry for report in reports for entry in _configuration(report)]
    return _test_result(configuration, passed, warned, failed)


def _unaudited(failure: Failure) -> JsonObject:
    return _test_result([_tool(failure.provenance)], [], [], [f"audit: {short(failure.message)}"])


def _test_result(
    configuration: list[JsonObject], passed: list[str], warned: list[str], failed: list[str]
) -> JsonObject:
    met = "WARNED" if warned else "PASSED"
    result = met if (passed or warned) and not failed else "FAILED"
    return {
        "result": result,
        "configuration": configuration,
        "passedTests": passed,
        "warnedTests": warned,
        "failedTests": failed,
    }


def _despite_findings(report: Report, criterion: Criterion) -> bool:
    """Whether the criterion on findings is met although there are some: below its level, ignored, or waived."""
    serious = any(finding.severity is not Severity.NOTE for finding in report.findings)
    return criterion.kind is CriterionKind.FINDINGS and serious


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
