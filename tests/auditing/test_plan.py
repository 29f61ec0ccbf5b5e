"""The plan: each effort holds the one before, and its cost is what the attacks say of themselves."""

from dataclasses import replace

import pytest

from bnnaudit.attacks.table import METHODS
from bnnaudit.auditing.cure_table import cure_candidates, cure_trials
from bnnaudit.auditing.plan import check_costs, planned_trials, planned_units, why_unrunnable
from bnnaudit.core.attack import Iprop, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.plan import CLASSES_ASKED, DRAWS, QUERIES, Suspicion
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source
from bnnaudit.rules.table import CHECKS, RULES
from tests.rules.evidence import plan


def test_efforts_are_ordered() -> None:
    assert [Effort.STANDARD.reaches(effort) for effort in Effort] == [True, True, False]


def test_each_effort_runs_what_the_one_below_runs() -> None:
    quick, standard, thorough = (planned_trials(plan(effort=effort)) for effort in Effort)
    assert set(quick) < set(standard)
    searches = {method for method in Method if method.searches}
    assert {trial for trial in standard if trial.attack.method not in searches} < {*thorough} | {*standard}
    assert planned_units(plan(effort=Effort.QUICK), 100) < planned_units(plan(), 100)
    assert DRAWS[Effort.THOROUGH] == 10_000
    assert QUERIES[Effort.THOROUGH] == CLASSES_ASKED[Effort.THOROUGH] == 5000
    asked = [plan(effort=effort).hard_label_trial in planned_trials(plan(effort=effort)) for effort in Effort]
    assert asked == [False, False, True]


def test_the_claim_comes_first_and_nothing_twice() -> None:
    for effort in Effort:
        trials = planned_trials(plan(effort=effort))
        assert trials[0] == plan().claim
        assert len(set(trials)) == len(trials)
        assert all(trial.after is None or trial.after in trials[: trials.index(trial)] for trial in trials)


@pytest.mark.parametrize(
    ("suspicion", "source"),
    [
        (Suspicion.BLOCKED, Source.BRIDGED),
        (Suspicion.PROBABILITIES, Source.LOGARITHM),
        (Suspicion.UNSTABLE, Source.AVERAGED),
    ],
)
def test_a_suspicion_brings_its_cure(suspicion: Suspicion, source: Source) -> None:
    assert source not in {trial.source for trial in planned_trials(plan())}
    assert source in {trial.source for trial in planned_trials(plan(suspicions=frozenset({suspicion})))}


def test_a_cure_changes_one_thing() -> None:
    """Every cure is the claim's attack but for one of its settings or its source; a pair but for its two."""
    the_plan = plan()
    claim = the_plan.claim
    for kinds, _, trial in cure_candidates(the_plan):
        settings = ("method", "steps", "step_size", "restarts", "beta", "surrogate", "loss")
        changed = [key for key in settings if getattr(trial.attack, key) != getattr(claim.attack, key)]
        changed += ["source"] if trial.source is not claim.source else []
        assert len(changed) == len(kinds), kinds
        assert trial.threat == claim.threat


def test_the_cures_that_no_check_asks_for_are_planned() -> None:
    for effort in Effort:
        assert set(cure_trials(plan(effort=effort))) <= set(planned_trials(plan(effort=effort)))


def test_an_attack_that_does_not_know_the_norm_says_so() -> None:
    the_plan = plan()
    assert why_unrunnable(the_plan.claim) == ""
    assert why_unrunnable(replace(the_plan.claim, attack=Iprop())) == ""
    unknown = replace(the_plan.claim, attack=Iprop(), threat=Threat(Norm.L2, 1.0))
    assert why_unrunnable(unknown) == "the attack iprop does not know the norm l2"
    assert all(
        Norm.LINF in METHODS[trial.attack.method].norms
        for trial in planned_trials(the_plan)
        if not why_unrunnable(trial)
    )


def test_the_cost_table_knows_every_check_and_counts_every_attack_once() -> None:
    costs = {name: (rules, passes) for name, rules, passes in check_costs()}
    assert {check.name for check in CHECKS} <= set(costs)
    assert {rule for rules, _ in costs.values() for rule in rules} == set(RULES)
    for check in CHECKS:
        assert [passes is not None for passes in costs[check.name][1]] == [e.reaches(check.least) for e in Effort]
    assert costs["ordinary PGD"][1][0] == plan().ordinary.image_steps == 20
    assert costs["iterations"][1][0] == plan().iteration_trial.attack.image_steps + plan().one_step.attack.image_steps
    assert costs["restarts"][1] == (None, 400, 400)
