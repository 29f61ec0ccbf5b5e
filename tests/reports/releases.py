"""Releases compared, a report held against a baseline, and a history, all made of reports as tests have them."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.comparison import Comparison, StoredReport
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.history import History, SkippedFile
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.releases.baseline import held_against
from bnnaudit.releases.comparing import Asked, Stored, compare_releases
from bnnaudit.releases.history import history_of

MADE = Provenance("0.1.0", "2024-06-01T00:00:00+00:00", "compare v1.json v2.json")


def compared(older: Report, newer: Report, name: str = "v") -> Comparison:
    """One model in two releases."""
    return compare_releases(_stored(older, f"{name}1.json"), _stored(newer, f"{name}2.json"), Asked(), MADE)


def several_compared(older: Report, newer: Report, name: str = "lost.onnx") -> Comparison:
    """A suite with a model that got worse, one that could not be audited, and one that each release has alone."""
    failure = Failure(MADE, name, f"{name}: it is not an ONNX file", ExitCode.BAD_INPUT)
    moved = replace(newer, model=replace(newer.model, path=older.model.path), threat=older.threat)
    before = Suite(MADE, (older, replace(older, model=replace(older.model, path=f"{name} (old)"))))
    after = Suite(MADE, (moved, failure, replace(moved, model=replace(moved.model, path=f"{name} (new)"))))
    return compare_releases(_stored(before, "v1.json"), _stored(after, "v2.json"), Asked(), MADE)


def with_baseline(report: Report, older: Report, name: str = "v1.json") -> Report:
    """The report held against an older one."""
    return held_against(report, older, StoredReport(name, "0f" * 32))


def over_releases(*reports: Report, name: str = "") -> History:
    """Each report a month after the one before, and a file that is none."""
    kept = [
        (
            f"{month}.json",
            replace(one, provenance=replace(one.provenance, created=f"2024-{month:02}-01T00:00:00+00:00")),
        )
        for month, one in enumerate(reports, 1)
    ]
    return history_of(kept, [SkippedFile("x.json", "it is not JSON")], "audits", name, MADE)


def _stored(document: Report | Suite, name: str) -> Stored:
    return Stored(StoredReport(name, "0f" * 32), document)
