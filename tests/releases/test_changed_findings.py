"""Which findings are new, worse, unchanged or gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bnnaudit.core.finding import BaselineState, CatalogueCheck, Fault, Severity, Skip
from bnnaudit.core.policy import Waiver
from bnnaudit.releases.changed_findings import gone_findings, with_states
from tests.releases.conftest import Make, found, rows

NEW, SAME, WORSE = BaselineState.NEW, BaselineState.UNCHANGED, BaselineState.WORSE


def test_a_finding_is_known_by_its_rule_and_worse_by_its_severity() -> None:
    newer = [found("FR301"), found("GM101", Severity.NOTE), found("SP201"), found("MF405", Severity.WARNING)]
    older = [found("SP201", Severity.WARNING), replace(found("FR301"), message="other"), found("MF405")]
    assert [one.baseline for one in with_states(newer, older)] == [SAME, NEW, WORSE, SAME]
    assert [one.rule.code for one in with_states(newer, older)] == ["FR301", "GM101", "SP201", "MF405"]


def test_of_several_of_a_rule_those_beyond_the_older_ones_are_new() -> None:
    newer = [found("SP201", Severity.WARNING), found("SP201"), found("SP201", Severity.NOTE)]
    older = [found("SP201", Severity.NOTE), found("SP201")]
    assert [one.baseline for one in with_states(newer, older)] == [WORSE, SAME, NEW]


def test_what_is_gone_is_named_with_why_it_may_only_seem_so(release: Make) -> None:
    waiver = Waiver("SP201", "why", "who", date(2030, 1, 1))
    older = [found("FR301"), replace(found("SP201"), waiver=waiver), found("GM105"), found("MF405")]
    newer = replace(
        release(rows([True], [True]), [found("MF405")]),
        checks=tuple(
            CatalogueCheck(check, code, "") for check, code in (("a", "FR301"), ("b", "SP201"), ("c", "GM105"))
        ),
        skipped=(Skip("b", "no time"),),
        faults=(Fault("c", "out of memory"),),
    )
    gone = gone_findings(newer, older)
    assert [(one.finding.rule.code, one.unchecked) for one in gone] == [
        ("FR301", ""),
        ("SP201", "no time"),
        ("GM105", "out of memory"),
    ]
    assert all(one.finding.waiver is None for one in gone), "a waiver of then accepts nothing now"
