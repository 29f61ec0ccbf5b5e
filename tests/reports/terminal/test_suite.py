"""Several audits on one page: the summary of each, and one table of all at the end."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text


def test_a_table_at_the_end_has_every_audit_and_what_failed_its_message(suite: Suite) -> None:
    text = write_text(suite, Page(80))
    table = text[text.index("── All audits") :].splitlines()
    assert table[1:] == [
        "                                               verified,",
        "  model                threat    clean claimed   at most status        gate exit",
        "  digits_bnn_waq.onnx  L-inf    98.3 %  58.2 %     0.0 % fake          FAIL    1",
        "                       0.3                               robustness",
        "  ref_adversarial.onnx L-inf    98.3 %  64.3 %    64.3 % robust as     PASS    0",
        "                       8/255                             claimed",
        "  broken.onnx          -             -       -         - not audited   -       2",
        "  not audited (bad input or usage): broken.onnx: it is not an ONNX file",
        "  (Protobuf parsing failed); export it again",
        "",
        "  Exit code 2, bad input or usage: broken.onnx",
        "  The worst exit code counts: 70 before 2, 2 before 1, 1 before 3, 3 before 0.",
        "",
        "FAIL  3 audits: 1 not audited, 1 failed, 1 passed; exit code 2",
    ]


def test_up_to_three_audits_have_their_ten_lines_and_more_have_less(suite: Suite, fake: Report) -> None:
    three = write_text(suite, Page(80))
    assert three.count("  Claimed   ") == three.count("  Verdict   ") == 2
    many = write_text(replace(suite, entries=(*suite.entries, fake, fake)), Page(80))
    assert many.count("  Claimed   ") == 0
    assert many.count("  Verdict   ") == many.count("  Gate      ") == 4
    assert many.count("  To do     ") == 3
    assert "── 5 of 5 audits" in many


def test_with_v_each_report_is_whole(suite: Suite) -> None:
    text = write_text(suite, Page(80, verbose=True))
    assert text.count("── Accuracy left by each attack") == 2
    assert text.splitlines()[-1] == write_text(suite, Page(80)).splitlines()[-1]


def test_models_of_the_same_name_are_told_apart_by_their_folders(suite: Suite, fake: Report, honest: Report) -> None:
    first = replace(fake, model=replace(fake.model, path="a/net.onnx"))
    second = replace(honest, model=replace(honest.model, path="b/net.onnx"))
    table = write_text(replace(suite, entries=(first, second)), Page(120)).partition("── All audits")[2]
    assert "a/net.onnx" in table
    assert "b/net.onnx" in table
    same = write_text(replace(suite, entries=(first, first)), Page(120)).partition("── All audits")[2]
    assert "  net.onnx  " in same


def test_a_failure_is_one_sentence_and_the_line_for_a_log(failure: Failure) -> None:
    assert write_text(failure, Page(80)).splitlines() == [
        "not audited (bad input or usage): broken.onnx: it is not an ONNX file (Protobuf",
        "parsing failed); export it again",
        "",
        "UNDECIDED  exit code 2, bad input or usage; not audited: broken.onnx",
    ]
    short = replace(failure, message="broken.onnx: no ONNX file")
    assert write_text(short, Page(80)) == "UNDECIDED  exit code 2, bad input or usage: broken.onnx: no ONNX file\n"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_it_keeps_to_the_width(suite: Suite, width: int) -> None:
    assert max(map(len, write_text(suite, Page(width)).splitlines())) <= width


def test_an_empty_suite_says_that_it_is_empty(suite: Suite) -> None:
    assert "0 audits: none" in write_text(replace(suite, entries=()), Page(80))
