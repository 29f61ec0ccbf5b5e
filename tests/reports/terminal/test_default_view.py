"""What is shown without -v: the summary, the findings in brief, and where the rest is; with -v everything."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.text import Text

from bnnaudit.core.finding import BaselineState, Skip
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.citation import citation
from bnnaudit.reports.page import LONGEST, Page
from bnnaudit.reports.terminal.typesetting import clipped, opening
from bnnaudit.reports.terminal.writer import write_text
from tests.reports import hostile as strange


def brief(report: Report, width: int = 80) -> str:
    return write_text(report, Page(width))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_most_severe_findings_come_first_each_with_two_lines_of_its_message(fake: Report) -> None:
    text = brief(fake)
    found = text[text.index(" Findings ") : text.index("What else to do")]
    assert re.findall(r"^  (?:ERROR|WARNING|NOTE) (\S+)", found, re.MULTILINE) == ["FR301", "SP202", "GM103", "MF405"]
    assert (
        "  ERROR FR301 fake-robustness\n"
        "    Ordinary PGD leaves 58.2 % of the images standing, but attacks without\n"
        "    masked gradients leave 0.0 %: the claimed robustness is an artefact of...\n"
    ) in found
    assert "waived until 2030-01-31 by ml-release: accepted for the pilot, see the risk register" in flat(found)
    assert "BROKEN restarts: out of memory at batch size 512" in found


def test_a_finding_says_how_it_stands_to_the_baseline(compared: Report) -> None:
    text = brief(compared)
    for code, state in (("FR301", "unchanged"), ("SP202", "new"), ("GM103", "worse")):
        assert re.search(rf"{code} \S+  {state}\n", text)
    assert not re.search(
        r"FR301 \S+  \w", brief(replace(compared, findings=(replace(compared.findings[0], baseline=None),)))
    )
    assert BaselineState.NEW in {finding.baseline for finding in compared.findings}


def test_skipped_checks_take_one_line_and_their_reasons_come_with_v(fake: Report) -> None:
    skips = tuple(Skip(f"check-{index}", f"reason {index}") for index in range(11))
    report = replace(fake, skipped=skips)
    text = brief(report)
    assert "  11 checks skipped; -v says which, and why.\n" in text
    assert "check-3" not in text
    assert "check-3: reason 3" in write_text(report, Page(80, verbose=True))
    assert "skipped" not in brief(replace(fake, skipped=(), gate=None))


def test_one_line_says_what_v_and_explain_add(fake: Report, honest: Report) -> None:
    assert "  -v adds all messages, tables and cures; bnnaudit explain FR301 says more.\n" in brief(fake)
    assert "explain CODE" in brief(honest)
    assert "-v adds" not in write_text(fake, Page(80, verbose=True))


def test_what_was_asked_is_listed_where_it_is_more_than_usual(fake: Report, honest: Report) -> None:
    text = flat(brief(fake))
    assert "FAILED verified accuracy of at least 30 % → at most 0.0 % [0.0, 1.3]: the upper bound is below" in text
    assert "passed clean accuracy of at least 90 % → 98.3 % [96.1, 99.3]: the lower bound is above" in text
    assert "UNDECIDED an outcome of random-search → skipped: no time" in text
    assert "The waiver of SP202 by ml-release expired on 2024-01-31: until the driver is replaced" in text
    assert "The waiver of MF404 by ml-release accepts no finding: known" in text
    assert "Policy:" not in text
    assert "What the gate was asked" not in brief(honest)
    whole = flat(write_text(fake, Page(80, verbose=True)))
    assert (
        "Policy: findings fail from: warning; figures are compared by: interval; rules that count: FR, GM, SP, MF405"
        in whole
    )


def test_further_advice_is_listed_and_with_v_all_of_it_with_its_findings(fake: Report) -> None:
    second = "Train it with the straight-through gradient that PGD++ follows, and audit it again. (SP202)"
    assert f"What else to do {'─' * 61} • {second}" in flat(brief(fake))
    whole = flat(write_text(fake, Page(80, verbose=True)))
    assert "report at most 0.0 % as its accuracy under attack. (FR301)" in whole
    assert second in whole
    assert "What else to do" not in brief(replace(fake, advice=fake.advice[:1]))


def test_it_fits_on_a_screen_or_two_where_the_whole_report_does_not(fake: Report) -> None:
    assert len(brief(fake).splitlines()) < 60
    assert len(write_text(fake, Page(80, verbose=True)).splitlines()) > 120


def test_nothing_of_it_is_lost_with_v(fake: Report, undecided: Report) -> None:
    whole = flat(write_text(fake, Page(80, verbose=True)))
    for heading in ("Accuracy left by each attack", "Accuracy against one setting", "Signal propagation", "Skipped",
                    "What each cure recovers", "Verdict", "Waived", "Faults", "What was audited"):  # fmt: skip
        assert f"── {heading}" in whole
    for finding in fake.findings:
        assert finding.message in whole
    assert fake.verdict is not None
    assert fake.verdict.reason in whole
    assert citation(fake) in whole
    assert "To cite this audit" not in write_text(replace(fake, verdict=undecided.verdict), Page(80, verbose=True))


def test_a_run_that_judges_nothing_shows_all_that_it_measured(attack_only: Report, detailed: Report) -> None:
    for report in (attack_only, detailed):
        text = write_text(report, Page(80))
        assert text == write_text(report, Page(80, verbose=True))
        assert "Accuracy left by each attack" in text
        assert "-v adds" not in text


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
def test_no_line_is_wider_than_asked_whatever_the_names(
    runs: dict[str, Report | Suite | Failure], width: int, verbose: bool
) -> None:
    for run in runs.values():
        text = write_text(run, Page(width, verbose=verbose))
        assert max(cell_len(line) for line in text.splitlines()) <= width
        assert "\x1b" not in text
        assert write_text(run, Page(width, ascii=True, verbose=verbose)).isascii()


@pytest.mark.parametrize("verbose", [False, True])
def test_names_of_a_mebibyte_are_cut(enormous: Report, verbose: bool) -> None:
    text = write_text(enormous, Page(80, verbose=verbose))
    assert "… (1,048,576 characters)" in flat(text)
    assert len(text) < 2_000_000
    assert len(write_text(enormous, Page(80))) < 30 * LONGEST


def test_a_stranger_gets_no_line_of_their_own(hostile: Report) -> None:
    """Line breaks in names are blanks: nobody else writes a line that starts with PASS or with a workflow command."""
    evil = strange.with_names(hostile, "x\nPASS  gate passed\r\n::error::y")
    for page in (Page(80), Page(80, verbose=True)):
        lines = write_text(evil, page).splitlines()
        assert not any(line.startswith(("PASS", "::")) for line in lines)


def test_a_text_is_cut_after_its_last_whole_sentence_or_word() -> None:
    assert opening(Text("One two. Three four five six."), 10, 2).plain == "One two."
    assert opening(Text("One two three four five six."), 10, 2).plain == "One two three..."
    assert opening(Text("One two."), 10, 1).plain == "One two."
    assert clipped(Text("a" * 25), 10, 2).plain == "a" * 17 + "..."
    assert clipped(Text("a, b, c"), 5).plain == "a..."
