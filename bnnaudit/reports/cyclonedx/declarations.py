"""The declarations of a CycloneDX document: the claim about each model, what supports and contradicts it, and who says so."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Family, Severity
from bnnaudit.core.report import Report, Status, Verdict
from bnnaudit.reports.by_model import LONGEST_MESSAGE, ModelAudits
from bnnaudit.reports.json.parts import JsonObject
from bnnaudit.reports.numbers import percent, threat_text, with_interval
from bnnaudit.reports.safe_text import short

ASSESSOR = "assessor-1"
"""The reference of bnnaudit as the one that assesses."""
REFUTED = (Status.FAKE, Status.CLAIM_NOT_MET)
"""Verdicts that what was verified contradicts the claim."""


def declarations(models: Sequence[tuple[ModelAudits, str]], version: str) -> JsonObject:
    """The claims about models, each with the reference of its component; a claim for each threat under which one was made."""
    claims: list[JsonObject] = []
    evidence: list[JsonObject] = []
    attestations: list[JsonObject] = []
    for model, target in models:
        for report in model.reports:
            verdict = report.verdict
            if verdict is None or verdict.claimed_accuracy is None:
                continue
            number = len(claims) + 1
            supporting, contradicting = _pieces(report, verdict)
            evidence += _numbered(supporting, f"evidence-{number}") + _numbered(
                contradicting, f"counter-evidence-{number}"
            )
            claims.append(
                {
                    "bom-ref": f"claim-{number}",
                    "target": target,
                    "predicate": f"{percent(verdict.claimed_accuracy)} accuracy under {threat_text(report.threat)}",
                    "reasoning": _whose(verdict),
                    "evidence": _references(supporting, f"evidence-{number}"),
                    "counterEvidence": _references(contradicting, f"counter-evidence-{number}"),
                }
            )
            attestations.append(_attestation(report, verdict, f"claim-{number}"))
    assessor: JsonObject = {"bom-ref": ASSESSOR, "organization": {"name": f"bnnaudit {version} (automated audit)"}}
    return {"assessors": [assessor], "attestations": attestations, "claims": claims, "evidence": evidence}


def _whose(verdict: Verdict) -> str:
    if verdict.declared_accuracy is not None:
        return f"The figure is {verdict.claim_source}."
    return (
        f"No figure is declared; this is what {verdict.claim_source} leaves, and so what the model seems to withstand."
    )


def _pieces(report: Report, verdict: Verdict) -> tuple[list[JsonObject], list[JsonObject]]:
    """What supports the claim, and what contradicts it; nothing where the audit did not decide."""
    supporting: list[JsonObject] = []
    contradicting: list[JsonObject] = []
    if verdict.status is Status.INCONCLUSIVE:
        return supporting, contradicting
    threat = threat_text(report.threat)
    if verdict.ordinary_accuracy is not None:
        text = f"Ordinary PGD leaves {with_interval(verdict.ordinary_accuracy)} under {threat}."
        against = verdict.status is Status.CLAIM_NOT_MET
        (contradicting if against else supporting).append(_piece(report, text, verdict.ordinary_accuracy))
    if verdict.verified_accuracy is not None:
        text = f"All attacks together leave at most {with_interval(verdict.verified_accuracy)} under {threat}."
        against = verdict.status in REFUTED
        (contradicting if against else supporting).append(_piece(report, text, verdict.verified_accuracy))
    for finding in report.findings:
        if finding.rule.family is Family.VERDICT and finding.severity is not Severity.NOTE:
            contradicting.append(_piece(report, f"{finding.rule.code}: {short(finding.message, LONGEST_MESSAGE)}"))
    return supporting, contradicting


def _piece(report: Report, text: str, figure: Estimate | None = None) -> JsonObject:
    """One piece of evidence, with the figure that it rests on as JSON where it is one."""
    piece: JsonObject = {"description": text, "created": report.provenance.created}
    if figure is None:
        return piece
    content = json.dumps({"accuracy": figure.value, "ci95": [figure.low, figure.high], "images": figure.n})
    attachment = {"contentType": "application/json", "content": content}
    return {**piece, "data": [{"name": "accuracy", "contents": {"attachment": attachment}}]}


def _numbered(pieces: list[JsonObject], name: str) -> list[JsonObject]:
    return [{"bom-ref": ref, **piece} for ref, piece in zip(_references(pieces, name), pieces, strict=True)]


def _references(pieces: list[JsonObject], name: str) -> list[str]:
    return [f"{name}.{number}" for number in range(1, len(pieces) + 1)]


def _attestation(report: Report, verdict: Verdict, claim: str) -> JsonObject:
    """What the assessor says of the claim: whether it holds, and what the gate decided."""
    conformance: JsonObject = {"rationale": short(verdict.reason, LONGEST_MESSAGE)}
    if verdict.status is not Status.INCONCLUSIVE:
        conformance = {"score": 0 if verdict.status in REFUTED else 1, **conformance}
    gate = "not asked" if report.gate is None else str(report.gate.outcome)
    return {
        "summary": f"Verdict under {threat_text(report.threat)}: {verdict.status}; release gate: {gate}",
        "assessor": ASSESSOR,
        "map": [{"claims": [claim], "conformance": conformance}],
    }
