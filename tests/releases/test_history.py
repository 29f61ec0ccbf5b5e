"""Kept reports sorted into a history."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.errors import ReportError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.history import SkippedFile
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.releases.history import history_of
from tests.releases.conftest import Make, rows

MADE = Provenance("0.1.0", "2026-11-28T00:00:00+00:00", "history")
TIMES = ("2026-01-02T00:00:00+00:00", "2026-01-01T23:00:00+00:00", "2026-01-02T00:30:00+02:00", "someday")
OLDEST_FIRST = ("someday", TIMES[2], TIMES[1], TIMES[0])


def at(report: Report, created: str) -> Report:
    return replace(report, provenance=replace(report.provenance, created=created))


def test_by_model_and_threat_the_oldest_first(release: Make) -> None:
    one = release(rows([True, True], [True, False]), model="v1/a.onnx")
    kept = [(f"{i}.json", at(one, created)) for i, created in enumerate(TIMES)]
    kept.append(("l2.json", replace(one, threat=Threat(Norm.L2, 0.5))))
    kept.append(("b.json", release(rows([True], [True]), model="v1/b.onnx")))
    history = history_of(kept, [], "audits", "", MADE)
    assert [(one.model, str(one.threat.norm), len(one.releases)) for one in history.series] == [
        ("a.onnx", "l2", 1),
        ("a.onnx", "linf", 4),
        ("b.onnx", "linf", 1),
    ]
    assert tuple(kept.release.created for kept in history.series[1].releases) == OLDEST_FIRST
    assert history.series[1].releases[0].release.verified is not None
    assert history.series[1].releases[0].exit_code is ExitCode.PASSED


@pytest.mark.parametrize("name", ["a.onnx", "a"])
def test_one_model_by_its_name(release: Make, name: str) -> None:
    kept = [(name, release(rows([True], [True]), model=name)) for name in ("x/a.onnx", "x/b.onnx")]
    (series,) = history_of(kept, [], "audits", name, MADE).series
    assert series.model == "a.onnx"


def test_what_is_no_report_is_named(release: Make) -> None:
    failure = Failure(MADE, "c.onnx", "broken", ExitCode.BAD_INPUT)
    kept = [("a.json", release(rows([True], [True]))), ("c.json", failure)]
    history = history_of(kept, [SkippedFile("x.json", "it is not JSON")], "audits", "", MADE)
    assert [one.file for one in history.skipped] == ["x.json", "c.json"]
    assert "could not be audited: broken" in history.skipped[1].why


def test_an_unknown_model_and_an_empty_folder_are_refused(release: Make) -> None:
    with pytest.raises(ReportError, match=r"'mm'.*did you mean m\.onnx|'mm'.*there are m\.onnx"):
        history_of([("a.json", release(rows([True], [True])))], [], "audits", "mm", MADE)
    with pytest.raises(ReportError, match=r"no report of an audit; 1 file.*x\.json"):
        history_of([], [SkippedFile("x.json", "why")], "audits", "", MADE)
