"""A report held against a baseline: only what is new, or worse beyond chance, fails."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bnnaudit.auditing.gate import Audited, decide
from bnnaudit.core.comparison import StoredReport
from bnnaudit.core.errors import ReportError
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import BaselineState, Finding, Severity
from bnnaudit.core.gate import CriterionKind, Gate, Outcome
from bnnaudit.core.image_rows import ImageRow
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy, Waiver
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.releases.baseline import attacked_by, entry_for, held_against, require_threat
from bnnaudit.rules.comparison import Paired
from tests.releases.conftest import Make, found, rows, stored

FILE = StoredReport("base.json", "0f" * 32)
PASSED, FAILED, UNDECIDED = Outcome.PASSED, Outcome.FAILED, Outcome.UNDECIDED
ALL = [True] * 100


def left(count: int) -> list[bool]:
    """The first `count` of a hundred images withstand everything."""
    return [True] * count + [False] * (100 - count)


def judged(report: Report, doubt: str = "") -> Report:
    """The report with the gate's own answer, as an audit gives it."""
    assert report.gate is not None
    assert report.verdict is not None
    lost = sum(bool(row.claimed) and not row.verified for row in report.images)
    audited = Audited(
        report.verdict, doubt, report.findings, clean=report.clean_accuracy, lost=Paired(0, lost, len(report.images)),
    )  # fmt: skip
    return replace(report, gate=decide(report.gate.policy, audited))


def gate_of(report: Report) -> Gate:
    assert report.gate is not None
    return report.gate


def outcome(report: Report, kind: CriterionKind) -> Outcome:
    (one,) = (criterion for criterion in gate_of(report).criteria if criterion.kind is kind)
    return one.outcome


def test_a_finding_that_the_baseline_has_as_well_does_not_fail(release: Make) -> None:
    images = rows(ALL, left(50))
    report = judged(release(images, [found("FR301"), found("GM101", Severity.WARNING)]))
    assert gate_of(report).outcome is FAILED
    same = held_against(report, release(images, [found("FR301")]), FILE)
    assert gate_of(same).outcome is PASSED
    assert [one.baseline for one in same.findings] == [BaselineState.UNCHANGED, BaselineState.NEW]
    assert same.verdict == report.verdict
    for older in ([], [found("FR301", Severity.NOTE)], [found("FR302")]):
        assert gate_of(held_against(report, release(images, older), FILE)).outcome is FAILED
    gone = held_against(report, release(images, [found("FR301"), found("MF405")]), FILE).baseline
    assert gone is not None
    assert [one.finding.rule.code for one in gone.gone] == ["MF405"]


@pytest.mark.parametrize("fail_on", list(FailOn))
def test_what_counts_is_what_the_gate_says_it_counts(release: Make, fail_on: FailOn) -> None:
    findings = [found("FR301"), found("GM101", Severity.WARNING), found("SP202", Severity.NOTE)]
    for known in range(4):
        report = judged(release(rows(ALL, left(50)), findings, Policy(fail_on=fail_on)))
        held = held_against(report, release(rows(ALL, left(50)), findings[:known]), FILE)
        counted = any(gate_of(held).counts(finding) for finding in held.findings)
        assert (outcome(held, CriterionKind.FINDINGS) is FAILED) == counted


def test_a_significant_drop_fails_though_nothing_else_is_asked(release: Make) -> None:
    report = judged(release(rows(ALL, left(50))))
    assert gate_of(report).outcome is PASSED
    assert gate_of(held_against(report, release(rows(ALL, left(52))), FILE)).outcome is PASSED
    held = held_against(report, release(rows(ALL, left(80))), FILE)
    assert exit_code_of(held) is ExitCode.FAILED
    assert [one.outcome for one in gate_of(held).criteria if one.kind is CriterionKind.BASELINE] == [PASSED, FAILED]
    assert held.baseline is not None
    assert held.baseline.drops[1].lost == 30


@pytest.mark.parametrize(
    ("now", "before", "decided", "expected"),
    [
        (50, 52, Decide.INTERVAL, PASSED),  # 0.8 is missed by both
        (50, 90, Decide.INTERVAL, FAILED),  # the baseline meets it
        (50, 80, Decide.INTERVAL, FAILED),  # straddled before, plainly missed now
        (78, 81, Decide.INTERVAL, PASSED),  # straddled by both
        (78, 50, Decide.INTERVAL, PASSED),  # better than a baseline that misses it
        (79, 78, Decide.ESTIMATE, PASSED),  # both below
        (79, 80, Decide.ESTIMATE, FAILED),  # by a single image
    ],
)
def test_a_threshold_that_the_baseline_misses_as_well(
    release: Make, now: int, before: int, decided: Decide, expected: Outcome
) -> None:
    policy = Policy(Limits(min_verified=0.8), decide=decided)
    report = judged(release(rows(ALL, left(now)), policy=policy))
    assert outcome(report, CriterionKind.VERIFIED) is not PASSED
    held = held_against(report, release(rows(ALL, left(before))), FILE)
    assert outcome(held, CriterionKind.VERIFIED) is expected
    if expected is PASSED:
        (criterion,) = (one for one in gate_of(held).criteria if one.kind is CriterionKind.VERIFIED)
        assert f"at most {before}.0 %" in criterion.reason
        assert criterion.more_images is None


def test_a_straddled_threshold_that_the_baseline_meets_stays_open(release: Make) -> None:
    report = judged(release(rows(ALL, left(95)), policy=Policy(Limits(min_verified=0.9))))
    assert outcome(held_against(report, release(rows(ALL, ALL)), FILE), CriterionKind.VERIFIED) is UNDECIDED


def test_clean_accuracy_as_well(release: Make) -> None:
    report = judged(release(rows(left(50), left(10)), policy=Policy(Limits(min_clean=0.9))))
    held = held_against(report, release(rows(left(51), left(10))), FILE)
    assert outcome(held, CriterionKind.CLEAN) is PASSED
    assert outcome(held_against(report, release(rows(ALL, left(10))), FILE), CriterionKind.CLEAN) is FAILED


@pytest.mark.parametrize(("before", "expected"), [(0.8, PASSED), (0.9, PASSED), (0.7, FAILED), (None, FAILED)])
def test_a_claim_that_was_not_met_before_either(release: Make, before: float | None, expected: Outcome) -> None:
    report = judged(release(rows(ALL, left(50)), declared=0.8))
    assert outcome(report, CriterionKind.CLAIM) is FAILED
    held = held_against(report, release(rows(ALL, left(50)), declared=before), FILE)
    assert outcome(held, CriterionKind.CLAIM) is expected


@pytest.mark.parametrize(("claimed", "expected"), [(60, PASSED), (58, PASSED), (30, FAILED), (20, FAILED)])
def test_a_gap_that_is_no_wider_than_before(release: Make, claimed: int, expected: Outcome) -> None:
    policy = Policy(Limits(max_gap=0.05))
    report = judged(release(rows(ALL, left(20), claimed=left(60)), policy=policy))
    assert outcome(report, CriterionKind.GAP) is FAILED
    older = release(rows(ALL, left(20), claimed=left(claimed)))
    assert outcome(held_against(report, older, FILE), CriterionKind.GAP) is expected


def test_an_undecided_audit_stays_undecided_whatever_the_baseline(release: Make) -> None:
    images = rows(ALL, left(50))
    report = judged(release(images), doubt="labels are wrong")
    assert outcome(held_against(report, release(images), FILE), CriterionKind.AUDIT) is UNDECIDED


def _void(release: Make, images: tuple[ImageRow, ...]) -> list[Report | Failure]:
    undecided = judged(release(images, [found("FR301")]), doubt="labels are wrong")
    unlabelled = release(images, [found("FR301")])
    return [
        undecided,
        replace(unlabelled, gate=None),
        replace(unlabelled, data=replace(unlabelled.data, labelled=False)),
        Failure(Provenance("0", "", ""), "m.onnx", "no such file", ExitCode.BAD_INPUT),
    ]


def test_a_baseline_that_is_itself_no_result_excuses_nothing(release: Make) -> None:
    images = rows(ALL, left(50))
    report, healthy = judged(release(images, [found("FR301")])), judged(release(images))
    for entry in _void(release, images):
        held = held_against(report, entry, FILE)
        assert gate_of(held).outcome is FAILED
        assert [one.baseline for one in held.findings] == [BaselineState.NEW]
        assert held.baseline is not None
        assert held.baseline.void
        assert held.baseline.drops == ()
        assert gate_of(held_against(healthy, entry, FILE)).outcome is UNDECIDED, "never a pass"


def test_a_model_that_the_baseline_does_not_have_is_judged_by_itself(release: Make) -> None:
    images = rows(ALL, left(50))
    assert gate_of(held_against(judged(release(images, [found("FR301")])), None, FILE)).outcome is FAILED
    held = held_against(judged(release(images)), None, FILE)
    assert gate_of(held).outcome is PASSED
    assert held.baseline is not None
    assert held.baseline.warnings


def test_a_waiver_and_a_baseline_accept_each_their_own(release: Make) -> None:
    waiver = Waiver("FR301", "pilot", "me", date(2030, 1, 1))
    waived: list[Finding] = [replace(found("FR301"), waiver=waiver), found("GM101")]
    images = rows(ALL, left(50))
    report = judged(release(images, waived))
    assert gate_of(report).outcome is FAILED
    held = held_against(report, release(images, [found("GM101")]), FILE)
    assert gate_of(held).outcome is PASSED
    assert held.findings[0].waiver == waiver
    assert held.findings[0].baseline is BaselineState.NEW
    assert gate_of(held_against(report, release(images, [found("FR301")]), FILE)).outcome is FAILED


def test_a_largest_drop_belongs_to_the_policy(release: Make) -> None:
    report = judged(release(rows(ALL, left(78)), policy=Policy(Limits(max_drop=0.05))))
    held = held_against(report, release(rows(ALL, left(80))), FILE)
    assert gate_of(held).outcome is UNDECIDED
    assert "audit about" in held.advice[0].text
    loose = judged(release(rows(ALL, left(78)), policy=Policy(Limits(max_drop=0.3))))
    assert gate_of(held_against(loose, release(rows(ALL, left(80))), FILE)).outcome is PASSED


def test_advice_on_what_is_excused_is_dropped(release: Make) -> None:
    from bnnaudit.auditing.advice import to_decide

    report = judged(release(rows(ALL, left(78)), policy=Policy(Limits(min_verified=0.8))))
    report = replace(report, advice=tuple(to_decide(gate_of(report))))
    assert report.advice
    assert held_against(report, release(rows(ALL, left(79))), FILE).advice == ()


def test_a_run_that_judges_nothing_is_left_alone(release: Make) -> None:
    bare = replace(release(rows(ALL, ALL)), gate=None)
    assert held_against(bare, release(rows(ALL, ALL)), FILE) is bare


def test_another_threat_is_refused_before_the_audit(release: Make) -> None:
    here = stored(release(rows(ALL, ALL)))
    require_threat(here, [Threat(Norm.LINF, 0.1), Threat(Norm.LINF, 0.3)])
    for threat in (Threat(Norm.L2, 0.3), Threat(Norm.LINF, 0.1), Threat(Norm.LINF, 0.3, image_bits=8)):
        with pytest.raises(ReportError, match=r"under linf 0\.3, not"):
            require_threat(here, [threat])


def test_which_entry_is_a_models_own(release: Make) -> None:
    one = release(rows(ALL, ALL), model="v1/a.onnx")
    lost = Failure(Provenance("0", "", ""), "v1/c.onnx", "broken", ExitCode.BAD_INPUT)
    both = stored(Suite(one.provenance, (one, replace(one, threat=Threat(Norm.L2, 0.5)), lost)))
    assert entry_for(both, "v2/a.onnx", one.threat, alone=True) is one
    assert entry_for(both, "v2/b.onnx", one.threat, alone=True) is None
    assert entry_for(both, "v2/a.onnx", Threat(Norm.L2, 0.7), alone=False) is None
    assert entry_for(both, "v2/c.onnx", one.threat, alone=False) is lost
    assert entry_for(stored(one), "v2/renamed.onnx", one.threat, alone=True) is one
    assert entry_for(stored(one), "v2/renamed.onnx", one.threat, alone=False) is None
    assert entry_for(stored(one), "v2/a.onnx", Threat(Norm.L2, 0.5), alone=True) is None
    assert (attacked_by(one), attacked_by(lost), attacked_by(None)) == (100, 0, 0)


def test_a_figure_that_was_not_measured_excuses_nothing(release: Make) -> None:
    report = judged(release(rows(ALL, left(50)), policy=Policy(Limits(min_verified=0.8))))
    older = release(rows(ALL, left(50)))
    assert older.verdict is not None
    blind = replace(
        older, verdict=replace(older.verdict, verified_accuracy=None), clean_accuracy=Estimate(1, 1, 1, 100)
    )
    assert outcome(held_against(report, blind, FILE), CriterionKind.VERIFIED) is FAILED
