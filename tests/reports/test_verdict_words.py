"""What several formats say of one thing is said in the same words."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace

import pytest

from bnnaudit.core.estimate import Estimate
from bnnaudit.core.gate import Bound, Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Policy
from bnnaudit.core.report import Report, Status, Verdict
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.page import Page
from bnnaudit.reports.verdict_words import further_reason, gate_sentence, idle_words, model_sentence, waiver_words

LAID_OUT = (ReportFormat.TERMINAL, ReportFormat.MARKDOWN, ReportFormat.HTML)


def plain(document: Report | Suite, format: ReportFormat) -> str:
    """The text as a reader sees it, on one line."""
    text = render(document, format, Page(120, verbose=True))
    if format is ReportFormat.HTML:
        text = html.unescape(re.sub(r"<[^>]*>", "", text)).replace("\u00a0%", " %")
    return " ".join(text.replace("\\", "").split())


@pytest.mark.parametrize("format", [*LAID_OUT, ReportFormat.SARIF, ReportFormat.JUNIT, ReportFormat.GITHUB])
def test_a_waiver_is_told_alike(fake: Report, format: ReportFormat) -> None:
    (waiver,) = (finding.waiver for finding in fake.waived)
    assert waiver is not None
    assert waiver_words(waiver) == "until 2030-01-31 by ml-release: accepted for the pilot, see the risk register"
    assert waiver_words(waiver) in plain(fake, format)


@pytest.mark.parametrize("format", [*LAID_OUT, ReportFormat.SARIF])
def test_an_idle_waiver_is_told_alike(fake: Report, format: ReportFormat) -> None:
    assert fake.gate is not None
    expired, unused = fake.gate.idle
    assert idle_words(expired).startswith("The waiver of SP202 by ml-release expired on 2024-01-31: ")
    assert idle_words(unused) == "The waiver of MF404 by ml-release accepts no finding: known"
    text = plain(fake, format)
    assert idle_words(expired) in text
    assert idle_words(unused) in text


@pytest.mark.parametrize("format", LAID_OUT)
def test_the_model_and_the_gate_have_one_sentence(reports: dict[str, Report], format: ReportFormat) -> None:
    judged = [name for name, report in reports.items() if report.verdict is not None and report.gate is not None]
    assert len(judged) > 4
    for report in (reports[name] for name in judged if name not in ("hostile", "enormous")):
        assert report.verdict is not None
        text = plain(report, format).lower()
        assert model_sentence(report, report.verdict).rstrip(".").lower() in text
        assert gate_sentence(report).partition(": ")[2].rstrip(".").lower() in text
        assert further_reason(report.verdict).lower() in text


@pytest.mark.parametrize(
    ("declared", "refuted"), [(None, "78.0 %"), (0.6, "60.0 %"), (0.0, "78.0 %"), (0.02, "78.0 %")]
)
def test_fake_robustness_names_a_figure_that_is_refuted(fake: Report, declared: float | None, refuted: str) -> None:
    """A card that declares 0 % is right about that: what ordinary attacks leave is then what is not there."""
    verdict = Verdict(Status.FAKE, "", Estimate(0.78, 0.7, 0.84, 150), Estimate(0.02, 0.0, 0.06, 150), declared)
    assert model_sentence(fake, verdict).endswith(f"at most 2.0 % withstand L-inf 0.3, not {refuted}")


@pytest.mark.parametrize(
    ("bound", "left", "excused"),
    [
        (Bound.LOWER, 0.7, False),
        (Bound.ESTIMATE, 0.6, False),
        (Bound.ESTIMATE, 0.55, True),
        (Bound.UPPER, 0.5, True),
        (None, 0.55, True),
    ],
)
@pytest.mark.parametrize("others", [0, 2])
def test_a_claim_that_is_passed_over_is_not_called_met(
    honest: Report, bound: Bound | None, left: float, excused: bool, others: int
) -> None:
    """`fail_on = "never"`, or a waiver of FR303, lets the model pass and makes nothing of its claim."""
    met = Criterion(CriterionKind.CLEAN, "a clean accuracy", Outcome.PASSED, "it is")
    claim = Criterion(
        CriterionKind.CLAIM, "60 %", Outcome.PASSED, "", 0.6, Estimate(left, left - 0.05, left + 0.05, 300), bound
    )
    sentence = gate_sentence(replace(honest, gate=Gate(Policy(), (*[met] * others, claim))))
    assert ("not held against it: 60 %" in sentence) is excused
    assert sentence.startswith("PASS, exit 0: ")
    assert ("all 3 criteria met" in sentence) is (others == 2 and not excused)


@pytest.mark.parametrize("format", LAID_OUT)
def test_a_model_that_was_not_audited_is_named_beside_the_reason(
    honest: Report, failure: Failure, format: ReportFormat
) -> None:
    """Most messages name it; those about data do not."""
    lost = replace(failure, model="models/lost.onnx", message="no data: give --data")
    text = plain(Suite(honest.provenance, (honest, lost)), format)
    assert re.search(r"models/lost\.onnx[^;]{0,80}: ?no data: give --data|models/lost\.onnx.{0,120}no data", text)


def test_a_run_that_judges_nothing_is_no_pass(fake: Report) -> None:
    measured = replace(fake, gate=None, verdict=None)
    suite = Suite(fake.provenance, (measured, measured))
    for format in LAID_OUT:
        text = plain(suite, format)
        assert "2 audits: 2 not judged" in text
        assert "PASS" not in text
    assert json.loads(render(suite, ReportFormat.JSON, Page()))["schema"] == "bnnaudit-suite/1"
