"""The last line: one line for a log, the gate's answer first, which never reads as a contradiction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import Severity
from bnnaudit.core.gate import Criterion, CriterionKind, Gate, Outcome
from bnnaudit.core.policy import FailOn, Policy
from bnnaudit.core.report import Report, Status
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.writer import write_text

PASSED = Gate(Policy(), (Criterion(CriterionKind.FINDINGS, "no error-level finding", Outcome.PASSED, "none"),))
OPEN = "findings, min-verified, max-gap, required-check"


def last(document: Report | Suite | Failure, width: int = 80) -> str:
    return write_text(document, Page(width)).splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "width", "line"),
    [
        ("fake", 120, f"FAIL  FR301 and SP202{OPEN[8:]}; model: fake-robustness, at most 0.0 % under L-inf 0.3"),
        ("fake", 80, f"FAIL  {OPEN}; model: fake-robustness"),
        ("fake", 40, "FAIL  model: fake-robustness"),
        ("honest", 120, "PASS  gate passed; model: robust-as-claimed, claimed 64.3 %, verified at most 64.3 % under L-inf 8/255"),
        ("honest", 80, "PASS  gate passed; model: robust-as-claimed, at most 64.3 % under L-inf 8/255"),
        ("honest", 60, "PASS  gate passed; model: robust-as-claimed"),
        ("claim-not-met", 80, "FAIL  FR304, claim; model: claim-not-met, at most 55.0 % under L-inf 8/255"),
        ("straddled", 100, "UNDECIDED  min-verified, min-clean; model: robust-as-claimed, at most 64.3 % under L-inf 8/255"),
        ("undecided", 80, "UNDECIDED  no verdict; model: inconclusive, not measured"),
        ("attack", 80, "adversarial accuracy 9.3 % [6.5, 13.1] under L2 120/255 (clean 81.0 %)"),
        ("suite", 80, "FAIL  3 audits: 1 not audited, 1 failed, 1 passed; exit code 2"),
        ("failure", 80, "UNDECIDED  exit code 2, bad input or usage; not audited: broken.onnx"),
    ],
)  # fmt: skip
def test_it_sums_up_as_fully_as_the_width_allows(
    runs: dict[str, Report | Suite | Failure], name: str, width: int, line: str
) -> None:
    assert last(runs[name], width) == line


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_it_is_one_line_whose_first_word_is_the_answer(runs: dict[str, Report | Suite | Failure], width: int) -> None:
    for name, run in runs.items():
        judged = not isinstance(run, Report) or run.verdict is not None
        assert (last(run, width).split()[0] in ("PASS", "FAIL", "UNDECIDED")) == judged, name
        assert len(last(run, width)) <= width


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("width", [60, 80, 120])
def test_what_the_model_is_is_said_apart_from_what_the_gate_answers(honest: Report, status: Status, width: int) -> None:
    assert honest.verdict is not None
    report = replace(honest, gate=PASSED, verdict=replace(honest.verdict, status=status))
    assert last(report, width).startswith(f"PASS  gate passed; model: {status}")


def test_a_pass_by_a_waiver_or_by_a_policy_that_passes_over_findings_says_so(fake: Report) -> None:
    assert last(replace(fake, gate=PASSED)).startswith("PASS  with GM103 waived; model: fake-robustness")
    open_finding = replace(fake.findings[0], severity=Severity.ERROR)
    never = replace(PASSED, policy=Policy(fail_on=FailOn.NEVER))
    line = last(replace(fake, findings=(open_finding,), gate=never))
    assert line.startswith("PASS  findings never fail; model: fake-robustness")


def test_codes_that_fail_are_named_without_those_that_are_accepted(fake: Report) -> None:
    reason = "FR302; accepted by waivers: FR301 until 2027-03-31"
    failed = Gate(Policy(), (Criterion(CriterionKind.FINDINGS, "no error-level finding", Outcome.FAILED, reason),))
    assert last(replace(fake, gate=failed)).startswith("FAIL  FR302; model: fake-robustness")


def test_several_attacks_without_a_verdict_end_with_the_strongest(fake: Report) -> None:
    line = last(replace(fake, verdict=None), 120)
    assert line.startswith("lowest of 6, PGD++ DLR: adversarial accuracy 0.0 % [0.0, 1.3] under L-inf 0.3")
    only_clean = replace(fake, verdict=None, attacks=())
    assert last(only_clean) == "clean accuracy 98.3 % [96.1, 99.3]"


@pytest.mark.parametrize(
    ("codes", "start"),
    [
        ((0, 0), "PASS  2 audits: 2 passed; exit code 0"),
        ((0, 3), "UNDECIDED  2 audits: 1 undecided, 1 passed; exit code 3"),
        ((1, 3), "FAIL  2 audits: 1 failed, 1 undecided; exit code 1"),
        ((0, 70), "UNDECIDED  2 audits: 1 not audited, 1 passed; exit code 70"),
        ((-1, -1), "2 audits: 2 not judged; exit code 0"),
        ((-1, 0), "PASS  2 audits: 1 passed, 1 not judged; exit code 0"),
        ((), "0 audits: none; exit code 0"),
    ],
)
def test_a_suite_counts_its_answers_and_names_the_worst_exit_code(
    honest: Report, fake: Report, straddled: Report, failure: Failure, codes: tuple[int, ...], start: str
) -> None:
    entries = {
        -1: replace(honest, gate=None, verdict=None),
        0: honest,
        1: fake,
        3: straddled,
        70: replace(failure, exit_code=ExitCode.BUG),
    }
    assert last(Suite(fake.provenance, tuple(entries[code] for code in codes)), 80).startswith(start)
