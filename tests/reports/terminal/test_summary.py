"""The first ten lines, before everything else and by themselves."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.gate import Bound, Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import Policy
from bnnaudit.core.report import Extent, Report, Status
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.drawing import draw
from bnnaudit.reports.terminal.summary import write_summary
from bnnaudit.reports.terminal.summary_rows import summary_parts
from bnnaudit.reports.terminal.writer import write_text


def one_failed(report: Report) -> Report:
    """As an audit without a policy fails."""
    found = Criterion(CriterionKind.FINDINGS, "no error-level finding", Outcome.FAILED, "FR301, FR302")
    return replace(report, gate=Gate(Policy(), (found,)), extent=Extent(50, 300, (50,)))


def summary(report: Report, width: int = 80) -> list[str]:
    return draw(summary_parts(report, Page(width)), Page(width)).splitlines()


def test_ten_lines_say_what_the_model_is_what_the_gate_answers_and_what_to_do(fake: Report) -> None:
    assert summary(one_failed(fake)) == [
        "  Model     sample_models/digits_bnn_waq.onnx, 1-bit weights and activations",
        "  Data      sample_models/digits_test.npz, 50 of 300 images; threat L-inf 0.3",
        "  Clean     98.3 % [96.1, 99.3]",
        "  Claimed   58.2 % [52.5, 63.7], left by ordinary PGD",
        "  Verified  at most 0.0 % [0.0, 1.3], left by all attacks together",
        "  Verdict   fake robustness: at most 0.0 % withstand L-inf 0.3, not 58.2 %",
        "  Gate      FAIL, exit 1: no error-level finding → FR301, FR302",
        "  To do     Do not ship it as robust: report at most 0.0 % as its accuracy under",
        "            attack.",
        "  Cure      of the attacks: temperature (b by HNS) fools 171 of 175 images left",
    ]


def test_by_themselves_they_end_with_the_line_for_a_log(fake: Report) -> None:
    report = one_failed(fake)
    lines = write_summary(report, Page(80)).splitlines()
    assert lines[:5] == summary(report)[:5]
    assert lines[-1] == "FAIL  FR301, FR302; model: fake-robustness, at most 0.0 % under L-inf 0.3"
    assert len(lines) == 10
    assert lines[-1] == write_text(report, Page(80)).splitlines()[-1]


def test_a_model_that_passes_needs_fewer(honest: Report) -> None:
    assert summary(honest)[5:] == [
        "  Verdict   robust as claimed: at most 64.3 % withstand L-inf 8/255",
        "  Gate      PASS, exit 0: no finding of level error; no robust accuracy required",
    ]


def test_a_pass_beside_findings_of_masking_names_them(honest: Report, fake: Report) -> None:
    report = replace(honest, findings=fake.findings[1:])
    line = "  Verdict   robust as claimed: at most 64.3 % withstand L-inf 8/255, but see"
    for lines in (summary(report), write_summary(report, Page(80)).splitlines()):
        assert lines[lines.index(line) + 1] == "            SP202, GM103"
    noted = replace(honest, findings=fake.findings[3:])
    assert "but see" not in write_summary(noted, Page(80))


def test_a_declared_figure_has_no_interval_and_stands_beside_what_ordinary_attacks_leave(claim_not_met: Report) -> None:
    text = " ".join(" ".join(summary(claim_not_met)).split())
    assert "Claimed 66.0 %, declared by the card; ordinary PGD leaves 55.0 % [49.3, 60.5]" in text
    assert "Verdict claim not met: at most 55.0 % withstand L-inf 8/255, 66.0 % declared" in text
    assert "To do Correct the card: at most 55.0 % are left." in text


def test_a_straddled_threshold_says_how_many_more_images_decide_it(straddled: Report) -> None:
    lines = summary(straddled)
    assert "  Gate      UNDECIDED, exit 3: 2 of 3 criteria undecided" in lines
    assert "            min-verified 62 %: at most 64.3 % [58.8, 69.5], ~1,400 more images" in lines
    assert "            min-clean 98 %: 98.3 % [96.1, 99.3], ~52,000 more images" in lines


def test_a_failed_threshold_names_the_bound_that_was_compared(fake: Report) -> None:
    assert "            min-verified 30 %: at most 0.0 % [0.0, 1.3] by the upper bound" in summary(fake)
    assert "            and 1 more" in summary(fake)


def test_why_an_audit_is_inconclusive_is_said_once(undecided: Report) -> None:
    assert undecided.verdict is not None
    asked = Criterion(CriterionKind.AUDIT, "figures that can be trusted", Outcome.UNDECIDED, undecided.verdict.reason)
    text = write_summary(replace(undecided, gate=Gate(Policy(), (asked,))), Page(80))
    assert "  Verdict   inconclusive: a required check broke.\n" in text
    assert "  Gate      UNDECIDED, exit 3: figures that can be trusted\n" in text
    assert text.lower().count("a required check broke.") == 1


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("width", [80, 120])
def test_no_status_needs_more_than_ten_lines(fake: Report, status: Status, width: int) -> None:
    report = replace(one_failed(fake), findings=fake.findings[2:])
    assert report.verdict is not None
    report = replace(report, verdict=replace(report.verdict, status=status))
    assert len(summary(report, width)) <= 10
    reason = status is Status.INCONCLUSIVE  # it stays, however long it is
    assert len(write_summary(report, Page(width)).splitlines()) <= 10 + reason


@pytest.mark.parametrize("width", [40, 60])
def test_on_a_narrow_page_lines_are_broken_and_nothing_is_left_out(fake: Report, width: int) -> None:
    text = " ".join(" ".join(summary(fake, width)).split())
    for label in ("Model", "Data", "Clean", "Claimed", "Verified", "Verdict", "Gate", "To do", "Cure"):
        assert f"{label} " in text
    assert max(map(len, summary(fake, width))) <= width


def test_verified_is_called_an_upper_bound_wherever_it_stands(fake: Report, claim_not_met: Report) -> None:
    for report in (one_failed(fake), claim_not_met):
        for text in (write_summary(report, Page(120)), write_text(report, Page(120, verbose=True))):
            for line in text.splitlines():
                if "Verified" in line or "verified at most" in line:
                    assert "at most" in line


def test_a_reason_that_names_bound_and_images_is_not_repeated(straddled: Report) -> None:
    assert straddled.gate is not None
    asked = straddled.gate.criteria[1]
    reason = "64.3 % [58.8, 69.5]: the interval includes 62 %. About 1400 more images would decide it."
    gate = replace(straddled.gate, criteria=(replace(asked, bound=None, reason=reason),))
    text = " ".join(write_text(replace(straddled, gate=gate), Page(80)).split())
    assert text.count("more images would decide") == 1
    said = replace(asked, reason="too few", bound=Bound.LOWER)
    text = " ".join(write_text(replace(straddled, gate=replace(gate, criteria=(said,))), Page(80)).split())
    assert "too few (by the lower bound); about 1,400 more images would decide" in text


def test_a_run_that_judged_nothing_has_only_its_last_line(attack_only: Report) -> None:
    assert summary_parts(attack_only, Page(80)) == []
    assert write_summary(attack_only, Page(80)).splitlines() == write_text(attack_only, Page(80)).splitlines()[-1:]


def test_suites_and_failures_have_summaries_too(suite: Suite, failure: Failure) -> None:
    for document in (suite, failure):
        assert write_summary(document, Page(80)) == write_text(document, Page(80))
        assert write_summary(document, Page(80, verbose=True)) == write_text(document, Page(80))
