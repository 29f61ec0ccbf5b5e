"""Two releases: what is matched, what is refused, and when the comparison fails."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bnnaudit.core.comparison import Comparison, ModelComparison, NotCompared
from bnnaudit.core.effort import Effort
from bnnaudit.core.errors import ReportError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.finding import BaselineState, Severity
from bnnaudit.core.gate import CriterionKind, Outcome
from bnnaudit.core.policy import Decide, FailOn, Limits, Policy
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, Suite
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.releases.comparing import Asked, compare_models, compare_releases
from tests.releases.conftest import AUDITED, Make, found, rows, stored

MADE = Provenance("0.1.0", "2026-11-28T00:00:00+00:00", "compare")
GOOD, BAD = [True] * 100, [False] * 30 + [True] * 70
Document = Report | Suite | Failure


def compared(older: Document, newer: Document, asked: Asked | None = None) -> Comparison:
    return compare_releases(stored(older, "a.json"), stored(newer, "b.json"), asked or Asked(), MADE)


def only(comparison: Comparison) -> ModelComparison:
    (pair,) = comparison.entries
    assert isinstance(pair, ModelComparison)
    return pair


def suite(*entries: Report | Failure) -> Suite:
    return Suite(MADE, entries)


def test_nothing_worse_passes_and_a_significant_drop_fails(release: Make) -> None:
    good, bad = release(rows(GOOD, GOOD)), release(rows(GOOD, BAD), model="other/renamed.onnx")
    assert compared(good, good).exit_code is ExitCode.PASSED
    assert compared(good, bad).exit_code is ExitCode.FAILED
    assert compared(bad, good).exit_code is ExitCode.PASSED, "better"
    assert only(compared(good, bad)).images.paired == 100


def test_a_new_finding_fails_at_the_policys_level(release: Make) -> None:
    older = release(rows(GOOD, GOOD), [found("SP201")])
    newer = release(rows(GOOD, GOOD), [found("SP201"), found("GM101", Severity.WARNING)])
    assert compared(older, newer).exit_code is ExitCode.PASSED
    assert compared(older, newer, Asked(fail_on=FailOn.WARNING)).exit_code is ExitCode.FAILED
    own = replace(newer, gate=replace(newer.gate, policy=Policy(fail_on=FailOn.WARNING)))
    assert compared(older, own).exit_code is ExitCode.FAILED, "by its own policy"
    assert compared(older, own, Asked(fail_on=FailOn.NEVER)).exit_code is ExitCode.PASSED
    assert [one.baseline for one in only(compared(older, newer)).findings] == [
        BaselineState.UNCHANGED,
        BaselineState.NEW,
    ]
    ignoring = replace(own, gate=replace(own.gate, policy=Policy(fail_on=FailOn.WARNING, ignore=("GM",))))
    assert compared(older, ignoring).exit_code is ExitCode.PASSED


def test_a_largest_drop_that_is_straddled_is_undecided(release: Make) -> None:
    older, newer = release(rows(GOOD, GOOD)), release(rows(GOOD, [False] * 3 + [True] * 97))
    assert compared(older, newer).exit_code is ExitCode.PASSED, "three of a hundred may be chance"
    pair = only(compared(older, newer, Asked(max_drop=0.02)))
    assert pair.exit_code is ExitCode.UNFINISHED
    assert max(one.more_images or 0 for one in pair.criteria) > 0
    assert compared(older, newer, Asked(0.02, decide=Decide.ESTIMATE)).exit_code is ExitCode.FAILED
    assert compared(older, newer, Asked(0.5)).exit_code is ExitCode.PASSED
    strict = replace(newer, gate=replace(newer.gate, policy=Policy(Limits(max_drop=0.02))))
    assert compared(older, strict).exit_code is ExitCode.UNFINISHED, "by its own policy"


def _undecided(report: Report) -> Report:
    doubt = replace(AUDITED, outcome=Outcome.UNDECIDED, reason="labels are wrong")
    return replace(report, gate=replace(report.gate, criteria=(doubt,)))


def test_undecided_audits_never_compare_as_fine(release: Make) -> None:
    good = release(rows(GOOD, GOOD))
    for older, newer in ((good, _undecided(good)), (_undecided(good), good), (good, replace(good, gate=None))):
        pair = only(compared(older, newer))
        assert pair.exit_code is ExitCode.UNFINISHED
    assert "labels are wrong" in only(compared(good, _undecided(good))).criteria[0].reason
    worse = _undecided(release(rows(GOOD, BAD)))
    assert compared(good, worse).exit_code is ExitCode.FAILED


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda one: replace(one, threat=Threat(Norm.L2, 0.3)), "l2 0.3, not linf 0.3"),
        (lambda one: replace(one, threat=Threat(Norm.LINF, 0.2)), "linf 0.2, not linf 0.3"),
        (lambda one: replace(one, threat=Threat(Norm.LINF, 0.3, image_bits=8)), "8-bit pixels"),
        (lambda one: replace(one, model=replace(one.model, num_classes=3)), "3 classes, not 10"),
        (lambda one: replace(one, data=replace(one.data, labelled=False)), "without labels"),
    ],
)
def test_figures_that_are_not_comparable_are_refused(release: Make, change: object, why: str) -> None:
    good = release(rows(GOOD, GOOD))
    with pytest.raises(ReportError, match=why):
        compared(change(good), good)  # type: ignore[operator]


def test_what_makes_figures_hard_to_compare_is_said(release: Make) -> None:
    good = release(rows(GOOD, GOOD))
    other = replace(
        release(rows(GOOD[:80], GOOD[:80], first=40)),
        effort=Effort.QUICK,
        provenance=replace(MADE, version="9.9"),
        data=replace(good.data, sha256="ee" * 32),
    )
    words = " ".join(only(compared(good, other)).warnings)
    for part in ("standard and then quick", "0.1.0 and 9.9", "60 are the same", "not the same", "very same model file"):
        assert part in words
    assert only(compared(good, good)).warnings == ("Both reports are about the very same model file.",)
    apart = compare_models(good, release(rows(GOOD, GOOD, first=500)), Asked())
    assert "no image in common" in " ".join(apart.warnings)


def test_suites_are_matched_by_name_and_threat(release: Make) -> None:
    good = release(rows(GOOD, GOOD), model="v1/a.onnx")
    other = replace(good, threat=Threat(Norm.L2, 0.5))
    older = suite(good, other, release(rows(GOOD, GOOD), model="v1/old.onnx"))
    newer = suite(
        release(rows(GOOD, GOOD), model=r"C:\v2\new.onnx"),
        replace(other, model=replace(good.model, path="v2/a.onnx")),
        release(rows(GOOD, BAD), model="v2/a.onnx"),
    )
    comparison = compared(older, newer)
    codes = {
        (str(one.threat.norm), one.newer.model): one.exit_code
        for one in comparison.entries
        if isinstance(one, ModelComparison)
    }
    assert codes == {("l2", "v2/a.onnx"): ExitCode.PASSED, ("linf", "v2/a.onnx"): ExitCode.FAILED}
    assert comparison.exit_code is ExitCode.FAILED
    assert comparison.only_older == ("old.onnx under linf 0.3",)
    assert comparison.only_newer == ("new.onnx under linf 0.3",)


def test_a_model_that_could_not_be_audited_is_no_pass(release: Make) -> None:
    good = release(rows(GOOD, GOOD))
    failure = Failure(MADE, "b.onnx", "b.onnx: not a model", ExitCode.BAD_INPUT)
    comparison = compared(suite(good), suite(good, failure))
    assert comparison.exit_code is ExitCode.BAD_INPUT
    assert [one.model for one in comparison.entries if isinstance(one, NotCompared)] == ["b.onnx"]
    assert compared(good, failure).exit_code is ExitCode.BAD_INPUT
    with pytest.raises(ReportError, match="in common"):
        compared(failure, good)
    assert compared(suite(good, failure), suite(good)).only_older == ("b.onnx, which could not be audited",)


def test_suites_without_a_common_model_or_with_twins_are_refused(release: Make) -> None:
    good = release(rows(GOOD, GOOD))
    with pytest.raises(ReportError, match="in common"):
        compared(suite(good), suite(replace(good, model=replace(good.model, path="z.onnx"))))
    with pytest.raises(ReportError, match="twice"):
        compared(suite(good, good), suite(good))


def test_kinds_of_criteria(release: Make) -> None:
    pair = only(compared(release(rows(GOOD, GOOD)), release(rows(GOOD, GOOD))))
    kinds = [one.kind for one in pair.criteria]
    assert kinds == [CriterionKind.AUDIT, CriterionKind.FINDINGS, CriterionKind.BASELINE, CriterionKind.BASELINE]
