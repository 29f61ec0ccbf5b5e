"""Verdicts on evidence made by hand."""

from __future__ import annotations

from bnnaudit.core.evidence import Evidence
from bnnaudit.core.plan import Suspicion
from bnnaudit.core.report import Status
from bnnaudit.core.trial import Source
from bnnaudit.engine.judging import reach_verdict
from tests.diagnostics.evidence import evidence, plan

BLOCKED = plan(suspicions=frozenset({Suspicion.BLOCKED}))
BRIDGED = BLOCKED.cured_trial(Source.BRIDGED)


def without_a_bridge(standing: float, verified: float) -> Evidence:
    whole = evidence({BLOCKED.claim: standing}, verified=verified, the_plan=BLOCKED)
    results = {trial: result for trial, result in whole.results.items() if trial != BRIDGED}
    return evidence(verified=verified, the_plan=BLOCKED, results=results)


def test_robustness_that_only_attacks_on_scores_have_tried_is_not_verified() -> None:
    verdict = reach_verdict(without_a_bridge(0.9, 0.9), (), ())
    assert verdict.status is Status.INCONCLUSIVE
    assert not verdict.passed
    assert "SP205" in verdict.reason


def test_what_falls_without_a_gradient_needs_no_bridge() -> None:
    assert reach_verdict(without_a_bridge(0.04, 0.04), (), ()).status is Status.NOT_ROBUST


def test_a_bridge_that_was_tried_lets_the_verdict_stand() -> None:
    bridged = evidence({BLOCKED.claim: 0.9}, verified=0.9, the_plan=BLOCKED)
    assert reach_verdict(bridged, (), ()).status is Status.AS_CLAIMED
