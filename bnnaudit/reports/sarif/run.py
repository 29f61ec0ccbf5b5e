"""One audit as a SARIF run."""

from __future__ import annotations

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, exit_code_of
from bnnaudit.reports.json.parts import JsonObject, plain, record
from bnnaudit.reports.safe_text import short
from bnnaudit.reports.sarif.artifact import artifact_of, base_addresses, relative_name
from bnnaudit.reports.sarif.invocation import invocation_of
from bnnaudit.reports.sarif.results import results_of


def category_of(entry: Report | Failure) -> str:
    """Which series of runs this one continues: the model and the threat, without a time."""
    if isinstance(entry, Failure):
        return f"bnnaudit/{relative_name(entry.model)}"
    threat = entry.threat
    pixels = "" if threat.image_bits is None else f"-{threat.image_bits}bit"
    return f"bnnaudit/{relative_name(entry.model.path)}/{threat.norm}-{threat.eps:.6g}{pixels}"


def run_of(entry: Report | Failure, exit_code: ExitCode, category: str) -> JsonObject:
    """The run; its `automationDetails.id` ends in a slash, so that all of it is the category of code scanning."""
    found = results_of(entry)
    path, sha256 = (entry.model, "") if isinstance(entry, Failure) else (entry.model.path, entry.model.file_sha256)
    return {
        "tool": {"driver": {"name": "bnnaudit", "version": entry.provenance.version, "rules": list(found.rules)}},
        "automationDetails": {"id": f"{category}/"},
        "invocations": [invocation_of(entry, exit_code)],
        **base_addresses(path),
        "artifacts": [artifact_of(path, sha256)],
        "results": list(found.results),
        "columnKind": "unicodeCodePoints",
        "properties": {"exitCode": int(exit_code_of(entry)), **({} if isinstance(entry, Failure) else _figures(entry))},
    }


def _figures(report: Report) -> JsonObject:
    """What the audit measured, and on what."""
    verdict, gate, data = report.verdict, report.gate, report.data
    return {
        "status": None if verdict is None else str(verdict.status),
        "gate": None if gate is None else str(gate.outcome),
        "threat": record(report.threat, "norm", "eps", "image_bits"),
        "data": {"source": short(data.source), **record(data, "samples", "sha256", "labelled")},
        "cleanAccuracy": plain(report.clean_accuracy),
        "ordinaryAccuracy": None if verdict is None else plain(verdict.ordinary_accuracy),
        "declaredAccuracy": None if verdict is None else verdict.declared_accuracy,
        "claimedAccuracy": None if verdict is None else verdict.claimed_accuracy,
        "verifiedAccuracyAtMost": None if verdict is None else plain(verdict.verified_accuracy),
    }
