"""Every rule fires on evidence of its fault and keeps quiet on healthy evidence; the catalogue is complete."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.evidence import Agreement, DefaultAnswers, Evidence
from bnnaudit.core.finding import Finding, Rule, Severity, Skip
from bnnaudit.core.plan import Declared
from bnnaudit.diagnostics import CHECKS, RULES
from bnnaudit.engine.audit import planned_trials
from tests.diagnostics.evidence import evidence, left, plan, result, signal

PLAN = plan()
UNBOUNDED = PLAN.radius_trials[-1]
CLIPPED = PLAN.scaled(Method.PGD, BetaRule.HNS, PLAN.surrogates[1])
HEALTHY = {UNBOUNDED: 0.0, PLAN.one_step: 0.5}

SICK: dict[str, Callable[[], Evidence]] = {
    "GM101": lambda: evidence({**HEALTHY, PLAN.one_step: 0.31}),
    "GM102": lambda: evidence({**HEALTHY, PLAN.one_step: 0.1}),
    "GM103": lambda: evidence({**HEALTHY, UNBOUNDED: 0.1}),
    "GM104": lambda: evidence({**HEALTHY, PLAN.transfer_trial: 0.1}),
    "SP201": lambda: evidence(HEALTHY, signal=signal(dead=0.6)),
    "SP202": lambda: evidence(HEALTHY, signal=signal(jsv=3e4)),
    "SP203": lambda: evidence(HEALTHY),
    "SP204": lambda: evidence({**HEALTHY, CLIPPED: 0.6}),
    "FR301": lambda: evidence({**HEALTHY, PLAN.claim: 0.6}),
    "FR302": lambda: evidence(HEALTHY, verified=0.1),
    "MF401": lambda: evidence(HEALTHY, agreement=Agreement(300, 4, 0.5, 0, 0)),
    "MF402": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 1, 0)),
    "MF403": lambda: evidence(HEALTHY, clean=left(0.8), the_plan=plan(declared=Declared(clean_accuracy=0.95))),
    "MF404": lambda: evidence(HEALTHY, results={PLAN.claim: result(PLAN.claim, left(0.3), 100, 40)}),
    "MF405": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 2)),
    "MF409": lambda: evidence(HEALTHY, by_default=DefaultAnswers(300, 1, 0.1)),
}


def fired(given: Evidence) -> dict[str, Finding]:
    ready = [check for check in CHECKS if all(trial in given.results for trial in check.trials(given.plan))]
    items = [item for check in ready for item in check.judge(given)]
    return {item.rule.code: item for item in items if isinstance(item, Finding)}


@pytest.mark.parametrize("code", list(RULES))
def test_fires_on_its_fault(code: str) -> None:
    found = fired(SICK[code]())
    assert code in found
    finding = found[code]
    assert finding.message
    assert finding.measurements
    assert all(np.isfinite(number.value) for number in finding.measurements)


def test_keeps_quiet_on_a_healthy_float_network() -> None:
    healthy = plan(quantized=False)
    shares = {healthy.radius_trials[-1]: 0.0, healthy.one_step: 0.5}
    assert fired(evidence(shares, the_plan=healthy)) == {}


def test_a_healthy_quantized_network_gets_a_note_at_most() -> None:
    assert {finding.severity for finding in fired(evidence(HEALTHY)).values()} == {Severity.NOTE}


def test_a_difference_that_the_sample_cannot_show_is_no_finding() -> None:
    """Six points of ten images are less than one image."""
    small = evidence({**HEALTHY, PLAN.claim: 0.4})
    few = {trial: result(trial, item.standing[:: 300 // 10]) for trial, item in small.results.items()}
    assert "FR301" in fired(small)
    assert "FR301" not in fired(replace(small, results=few, clean=left(1.0, 10), verified=left(0.3, 10)))


def test_the_declared_figure_is_the_claim_where_there_is_one() -> None:
    declared = plan(declared=Declared(adversarial_accuracy=0.3))
    shares = {declared.radius_trials[-1]: 0.0, declared.one_step: 0.5}
    assert "FR302" not in fired(evidence(shares, verified=0.28, the_plan=declared))
    assert "FR302" in fired(evidence(shares, verified=0.1, the_plan=declared))


def test_copies_that_disagree_on_single_images_warn_only() -> None:
    assert fired(evidence(HEALTHY, agreement=Agreement(300, 1, 0.5, 0, 0)))["MF401"].severity is Severity.WARNING
    assert fired(evidence(HEALTHY, agreement=Agreement(300, 3, 0.5, 0, 0)))["MF401"].severity is Severity.ERROR


def test_what_was_not_measured_is_skipped_with_a_reason() -> None:
    given = evidence(HEALTHY, verified=None, signal=None, the_plan=plan(transfer=False))
    skips = {item.check: item.why for check in CHECKS for item in check.judge(given) if isinstance(item, Skip)}
    assert set(skips) == {"error-signal", "jacobian-scale", "claim", "transfer"}
    assert all(skips.values())


def test_every_rule_is_told_in_full_and_has_its_own_code_and_name() -> None:
    rules = [rule for check in CHECKS for rule in check.rules]
    assert len({rule.code for rule in rules}) == len({rule.name for rule in rules}) == len(rules) == len(RULES)
    for rule in rules:
        assert re.fullmatch(r"(GM1|SP2|FR3|MF4)\d\d", rule.code)
        for field in fields(Rule):
            assert str(getattr(rule, field.name)).strip(), f"{rule.code} lacks {field.name}"
    assert set(SICK) == set(RULES)


def test_check_names_and_trials_are_well_formed() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    planned = planned_trials(PLAN)
    assert len(set(planned)) == len(planned)
    assert planned[0] == PLAN.claim


def test_rules_can_be_read_without_torch() -> None:
    code = "import sys, bnnaudit.diagnostics; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
