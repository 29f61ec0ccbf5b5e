"""Which findings fail the gate: by severity, rule, waiver and baseline."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from bnnaudit.core.finding import BaselineState, Confidence, Finding, Rule, Severity
from bnnaudit.core.gate import Gate
from bnnaudit.core.policy import FailOn, Policy, Waiver

WAIVER = Waiver("GM103", "known", "somebody", date(2030, 1, 31))


def finding(code: str = "GM103", severity: Severity = Severity.WARNING) -> Finding:
    rule = Rule(code, "a-rule", severity, *("",) * 7)
    return Finding(rule, "It fired.", severity, Confidence.HIGH)


@pytest.mark.parametrize(("fail_on", "severity"), list(product(FailOn, Severity)))
def test_a_finding_counts_from_the_level_of_the_policy_on(fail_on: FailOn, severity: Severity) -> None:
    order = [FailOn.NOTE, FailOn.WARNING, FailOn.ERROR, FailOn.NEVER]
    expected = order.index(FailOn(str(severity))) >= order.index(fail_on)
    assert Gate(Policy(fail_on=fail_on), ()).counts(finding(severity=severity)) is expected


@pytest.mark.parametrize(
    ("select", "ignore", "expected"),
    [
        ((), (), True),
        (("GM",), (), True),
        (("GM103",), (), True),
        (("FR", "GM1"), (), True),
        (("FR",), (), False),
        ((), ("GM103",), False),
        (("GM",), ("GM10",), False),
        ((), ("GM104", "SP"), True),
    ],
)
def test_a_finding_counts_if_its_rule_is_selected_and_not_ignored(
    select: tuple[str, ...], ignore: tuple[str, ...], expected: bool
) -> None:
    assert Gate(Policy(fail_on=FailOn.NOTE, select=select, ignore=ignore), ()).counts(finding()) is expected


def test_what_is_waived_or_was_there_before_does_not_count() -> None:
    gate = Gate(Policy(fail_on=FailOn.WARNING, waivers=(WAIVER,)), ())
    assert not gate.counts(replace(finding(), waiver=WAIVER))
    counted = {state: gate.counts(replace(finding(), baseline=state)) for state in BaselineState}
    assert counted == {BaselineState.NEW: True, BaselineState.UNCHANGED: False, BaselineState.WORSE: True}
