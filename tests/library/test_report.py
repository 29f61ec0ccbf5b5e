"""The report that the library returns, against the command line's words for the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bnnaudit.auditing.run import run_audit
from bnnaudit.core.errors import ReportError, UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.policy import Limits, Policy
from bnnaudit.core.progress import Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report as PlainReport
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.library.report import GateFailedError, GateUndecidedError, Report, read_report
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.json.reading import round_trip
from bnnaudit.reports.json.writer import write_json
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.summary import write_summary
from tests.auditing.test_run import WEIGHTS, request
from tests.toy import linear_target


@pytest.fixture(scope="module")
def plain() -> PlainReport:
    policy = Policy(Limits(min_verified=0.9, max_gap=0.9))
    return run_audit(request(linear_target(WEIGHTS, torch.zeros(3)), policy=policy), Silence()).report


@pytest.fixture(scope="module")
def report(plain: PlainReport) -> Report:
    return Report.of(plain)


def test_it_is_the_report_as_it_is_read_back(plain: PlainReport, report: Report, tmp_path: Path) -> None:
    assert isinstance(report, PlainReport)
    assert report.plain == round_trip(plain)
    assert read_report(report.save(tmp_path / "audit.json")) == report
    assert report.to_json() == write_json(plain, Page())


def test_it_is_printed_as_the_ten_lines(report: Report) -> None:
    assert str(report) == write_summary(report.plain, Page(80)).rstrip("\n")
    assert len(str(report).splitlines()) <= 12
    assert repr(report).startswith("<Report: FAIL  min-verified; ")
    assert "\n" not in repr(report)
    assert len(repr(report)) < 250


def test_every_format_is_the_command_line_s(report: Report, tmp_path: Path) -> None:
    page = Page(80, verbose=True)
    for format in ReportFormat:
        assert report.render(format) == render(report.plain, format, page)
    assert report.to_html().startswith("<!doctype html>")
    assert report.to_html() == report.render("html")
    assert report.to_markdown() == report.render("markdown")
    assert report.save(tmp_path / "a.sarif").read_text(encoding="utf-8") == report.render("sarif")
    assert report.save(str(tmp_path / "a"), "junit").read_text(encoding="utf-8") == report.render("junit")


def test_formats_that_are_none(report: Report, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.doc: ends in none of \.txt, .*; name the format"):
        report.save(tmp_path / "a.doc")
    with pytest.raises(UsageError, match="format: 'doc' is not one of terminal, json"):
        report.render("doc")
    with pytest.raises(UsageError, match="there is no folder"):
        report.save(tmp_path / "missing" / "a.json")
    assert list(tmp_path.iterdir()) == []


def test_figures_are_those_of_the_verdict(report: Report) -> None:
    verdict, clean = report.verdict, report.clean_accuracy
    assert verdict is not None
    assert clean is not None
    assert verdict.verified_accuracy is not None
    found = report.figures()
    assert found["clean"] == clean.value
    assert (found["verified_low"], found["verified"], found["verified_high"]) == (
        verdict.verified_accuracy.low,
        verdict.verified_accuracy.value,
        verdict.verified_accuracy.high,
    )
    assert {"claimed", "claimed_low"} <= set(found)
    declared = replace(report, verdict=replace(verdict, declared_accuracy=0.25)).figures()
    assert declared["claimed"] == 0.25
    assert "claimed_low" not in declared
    assert replace(report, verdict=None, clean_accuracy=None).figures() == {}


def test_what_is_not_passed_raises(report: Report) -> None:
    with pytest.raises(GateFailedError, match=r"^toy: failed: min-verified 90 %: at most ") as caught:
        report.raise_if_failed()
    assert caught.value.report is report
    assert "max-gap" not in str(caught.value)
    assert report.exit_code is ExitCode.FAILED
    with pytest.raises(GateUndecidedError, match="nothing was asked"):
        replace(report, gate=None).raise_if_failed()
    assert report.gate is not None
    met = replace(report.gate, criteria=tuple(one for one in report.gate.criteria if one.kind != "min-verified"))
    passed = replace(report, gate=met)
    passed.raise_if_failed()
    assert passed.exit_code is ExitCode.PASSED


def test_files_of_several_audits_and_of_none_are_no_report(report: Report, tmp_path: Path) -> None:
    made, path = Provenance("0", "2026-01-01T00:00:00+00:00", "check"), tmp_path / "stored.json"
    failure = Failure(made, "m.onnx", "no such file", ExitCode.BAD_INPUT)
    for document, message in (
        (Suite(made, (report.plain, failure)), "holds 2 audits, not one"),
        (failure, "the audit of m.onnx failed: no such file"),
    ):
        path.write_text(write_json(document, Page()), encoding="utf-8")
        with pytest.raises(ReportError, match=message):
            read_report(path)
    with pytest.raises(ReportError, match=r"none\.json"):
        read_report(tmp_path / "none.json")
