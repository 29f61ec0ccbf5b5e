"""What reports call a finding that fails the gate is what fails it."""

from __future__ import annotations

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bnnaudit.auditing.gate import Audited, decide
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.finding import Confidence, Finding, Severity
from bnnaudit.core.gate import CriterionKind, Outcome
from bnnaudit.core.policy import FailOn, Policy, Waiver
from bnnaudit.core.report import Status, Verdict
from bnnaudit.rules.table import RULES

BEGINNINGS = st.lists(st.sampled_from(["GM", "SP2", "FR301", "MF4", *RULES]), max_size=3).map(tuple)
WAIVERS = st.sampled_from([None, Waiver("GM101", "known", "somebody", date(2030, 1, 31))])
FINDINGS = st.builds(
    Finding,
    st.sampled_from(list(RULES.values())),
    st.just("It fired."),
    st.sampled_from(Severity),
    st.sampled_from(Confidence),
    waiver=WAIVERS,
)


@given(
    findings=st.lists(FINDINGS, max_size=4).map(tuple),
    fail_on=st.sampled_from(FailOn),
    select=BEGINNINGS,
    ignore=BEGINNINGS,
)
def test_the_gate_fails_exactly_if_a_finding_counts(
    findings: tuple[Finding, ...], fail_on: FailOn, select: tuple[str, ...], ignore: tuple[str, ...]
) -> None:
    half = Estimate(0.5, 0.4, 0.6, 100)
    audited = Audited(Verdict(Status.AS_CLAIMED, "", half, half), doubt="", findings=findings)
    gate = decide(Policy(fail_on=fail_on, select=select, ignore=ignore), audited)
    (criterion,) = (each for each in gate.criteria if each.kind is CriterionKind.FINDINGS)
    assert (criterion.outcome is Outcome.FAILED) == any(gate.counts(finding) for finding in findings)
