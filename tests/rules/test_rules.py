"""Every rule fires on evidence of its fault and keeps quiet on healthy evidence; the catalogue is complete."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from bnnaudit.auditing.plan import planned_trials
from bnnaudit.auditing.verdict import estimate, judge_checks
from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Agreement, DefaultAnswers, Evidence
from bnnaudit.core.facts import Differentiation, GradientFacts, ModelFacts, OperatorCount, OutputKind
from bnnaudit.core.finding import Finding, Rule, Severity, speaks_of_masking
from bnnaudit.core.plan import AuditPlan, Declared, Suspicion
from bnnaudit.core.probing import BinarizationTest, ClimbProbe, NoiseProbe, Probes
from bnnaudit.core.report import SubstituteFacts
from bnnaudit.core.sample_fit import Alternative, SampleFit
from bnnaudit.core.scores import OutputScores
from bnnaudit.core.serving import Sessions
from bnnaudit.core.threat import Box, InputGrid, Norm, Threat
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.table import CHECKS, RULES
from tests.rules.evidence import HEALTHY_FIT, HEALTHY_PROBES, evidence, left, plan, result, signal

PLAN = plan()
THOROUGH = plan(effort=Effort.THOROUGH)
DECLARING = plan(declared=Declared(adversarial_accuracy=0.36))
UNBOUNDED = PLAN.radius_trials[-1]
CLIPPED = PLAN.scaled(Method.PGD, BetaRule.HNS, PLAN.surrogates[1])
HEALTHY = {UNBOUNDED: 0.0, PLAN.one_step: 0.5, PLAN.half_range_trial: 0.0, PLAN.tiny_steps_trial: 0.9}


def suspecting(suspicion: Suspicion) -> AuditPlan:
    return plan(suspicions=frozenset({suspicion}))


def gradient(**changes: object) -> Probes:
    assert HEALTHY_PROBES.gradient is not None
    return replace(HEALTHY_PROBES, gradient=replace(HEALTHY_PROBES.gradient, **changes))


def cured(suspicion: Suspicion, source: Source, probes: Probes) -> Evidence:
    """The ordinary attack leaves 60 %, the cure 30 %."""
    the_plan = suspecting(suspicion)
    shares = {the_plan.claim: 0.6, the_plan.cured_trial(source): 0.3}
    return evidence({**HEALTHY, **shares}, the_plan=the_plan, probes=probes)


def of_the_sample(fit: SampleFit) -> Evidence:
    return evidence(HEALTHY, probes=replace(HEALTHY_PROBES, fit=fit))


def labelled(**changes: object) -> SampleFit:
    assert HEALTHY_FIT.labels is not None
    return replace(HEALTHY_FIT, labels=replace(HEALTHY_FIT.labels, **changes))


def fed(right: int, other: int, lost: int = 0) -> SampleFit:
    """As fed, and with values from 0 to 255, so many of 100 images are right."""
    assert HEALTHY_FIT.feeding is not None
    alternative = Alternative("values from 0 to 255", "give --input-range 0,255", other, other - right + lost, lost)
    return replace(HEALTHY_FIT, feeding=replace(HEALTHY_FIT.feeding, right=right, alternatives=(alternative,)))


ONE_BASED = Alternative("the labels start at 1", "subtract 1 from the labels", 290, 270, 10)
MISSED = {"pgd": 5, "pgd++": 20, "auto": 25, "random search": 2}


def with_gradients(seen: GradientFacts) -> ModelFacts:
    return replace(evidence(HEALTHY).facts, gradients=seen)


SICK: dict[str, Callable[[], Evidence]] = {
    "GM101": lambda: evidence({**HEALTHY, PLAN.one_step: 0.31}),
    "GM102": lambda: evidence({**HEALTHY, PLAN.one_step: 0.1}),
    "GM103": lambda: evidence({**HEALTHY, UNBOUNDED: 0.1}),
    "GM104": lambda: evidence({**HEALTHY, PLAN.transfer_trial: 0.1}),
    "GM105": lambda: evidence({**HEALTHY, PLAN.restarts_trial: 0.1}),
    "GM106": lambda: evidence({**HEALTHY, PLAN.random_trial: 0.27}),
    "GM107": lambda: evidence({**HEALTHY, PLAN.query_trial: 0.2}),
    "GM108": lambda: evidence({**HEALTHY, THOROUGH.hard_label_trial: 0.2}, the_plan=THOROUGH),
    "GM109": lambda: evidence({**HEALTHY, PLAN.half_range_trial: 0.2}),
    "GM110": lambda: evidence({**HEALTHY, PLAN.radius_trials[-2]: 0.5}),
    "GM111": lambda: evidence({**HEALTHY, PLAN.tiny_steps_trial: 0.31}),
    "GM112": lambda: evidence(
        HEALTHY, probes=replace(HEALTHY_PROBES, noise=NoiseProbe(100, 10, 4 / 255, 30, 0.6, 0.2))
    ),
    "GM113": lambda: evidence(HEALTHY, probes=replace(HEALTHY_PROBES, climb=ClimbProbe(100, 20, 40, 30, 0, 0))),
    "GM114": lambda: evidence(HEALTHY, probes=replace(HEALTHY_PROBES, climb=ClimbProbe(100, 20, 40, 0, 0, 20))),
    "GM115": lambda: evidence(HEALTHY, probes=replace(HEALTHY_PROBES, climb=ClimbProbe(100, 20, 40, 0, 30, 0))),
    "GM116": lambda: evidence(HEALTHY, probes=gradient(unmoved=60)),
    "GM117": lambda: evidence(
        HEALTHY,
        probes=replace(
            HEALTHY_PROBES,
            binarization=BinarizationTest(25, 99, 256, 0, MISSED),
        ),
    ),
    "SP201": lambda: evidence(HEALTHY, signal=signal(dead=0.6)),
    "SP202": lambda: evidence(HEALTHY, signal=signal(jsv=3e4)),
    "SP203": lambda: evidence(HEALTHY),
    "SP204": lambda: evidence({**HEALTHY, CLIPPED: 0.6}),
    "SP205": lambda: cured(Suspicion.BLOCKED, Source.BRIDGED, gradient(blocked=100, blocked_at="`3` (Wall)")),
    "SP206": lambda: evidence(HEALTHY, probes=gradient(vanishing=40)),
    "SP207": lambda: evidence({**HEALTHY, PLAN.cured_trial(Source.FLOAT64): 0.1}),
    "SP208": lambda: evidence(HEALTHY, probes=gradient(logit_gap=4000.0)),
    "SP209": lambda: cured(Suspicion.PROBABILITIES, Source.LOGARITHM, gradient(probabilities=True)),
    "SP210": lambda: evidence(HEALTHY, probes=gradient(rounded_input=True)),
    "SP211": lambda: cured(Suspicion.UNSTABLE, Source.AVERAGED, HEALTHY_PROBES),
    "SP212": lambda: evidence(
        HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 0, output=OutputScores(300, 6, 30, 2400, 3000))
    ),
    "SP214": lambda: evidence(
        HEALTHY,
        facts=with_gradients(
            GradientFacts(Differentiation.RECORDED, (OperatorCount("detach", 2),), dead_as_written=True)
        ),
    ),
    "SP215": lambda: evidence(
        HEALTHY, facts=with_gradients(GradientFacts(Differentiation.CODE, why="it leaves PyTorch for NumPy"))
    ),
    "FR301": lambda: evidence({**HEALTHY, PLAN.claim: 0.6}),
    "FR302": lambda: evidence(HEALTHY, verified=0.1),
    "FR303": lambda: evidence(HEALTHY, the_plan=DECLARING),
    "MF401": lambda: evidence(HEALTHY, agreement=Agreement(300, 4, 0.5, 0, 0)),
    "MF402": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 1, 0)),
    "MF403": lambda: evidence(HEALTHY, clean=left(0.8), the_plan=plan(declared=Declared(clean_accuracy=0.95))),
    "MF404": lambda: evidence(HEALTHY, results={PLAN.claim: result(PLAN.claim, left(0.3), 100, 40)}),
    "MF405": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 2)),
    "MF406": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 0, probabilities=True)),
    "MF407": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 0, company=9)),
    "MF408": lambda: evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 0, never_answered=(3, 7))),
    "MF409": lambda: evidence(HEALTHY, default_session=DefaultAnswers(300, 1, 0.1)),
    "MF410": lambda: evidence(HEALTHY, sessions=sessions(0.17, 0.37)),
    "MF411": lambda: evidence(the_plan=plan(threat=BELOW_ONE_STEP)),
    "MF412": lambda: of_the_sample(labelled(right=33, deviation=0.6)),
    "MF413": lambda: of_the_sample(labelled(right=30, readings=(ONE_BASED,))),
    "MF414": lambda: of_the_sample(fed(30, 90)),
    "MF415": lambda: of_the_sample(replace(HEALTHY_FIT, pictures=replace(HEALTHY_FIT.pictures, correlation=0.02))),
    "MF416": lambda: of_the_sample(labelled(right=150, ranked=150, rank=0.5, separation=0.5)),
}


BELOW_ONE_STEP = Threat(Norm.LINF, 0.6 / 255, Box(-128.0, 127.0), grid=InputGrid("int8", (-128.0,), (127.0,), (255,)))


def sessions(exact: float, default: float) -> tuple[Sessions, Sessions]:
    """Everything right without attack, and these shares after it."""
    return Sessions(left(1.0), left(1.0)), Sessions(left(exact), left(default))


def fired(given: Evidence) -> dict[str, Finding]:
    return {finding.rule.code: finding for finding in judge_checks(given, CHECKS).findings}


@pytest.mark.parametrize("code", list(RULES))
def test_fires_on_its_fault(code: str) -> None:
    found = fired(SICK[code]())
    assert code in found
    finding = found[code]
    assert finding.message
    assert finding.measurements
    assert all(np.isfinite(number.value) for number in finding.measurements)


def test_attacks_of_the_binarization_test_are_written_as_in_the_tables() -> None:
    message = fired(SICK["GM117"]())["GM117"].message
    assert "PGD finds 20.0 %; PGD++ 80.0 %, auto 100.0 %, random search 8.0 %." in message


def healthy_shares(the_plan: AuditPlan) -> dict[Trial, float]:
    ends = {the_plan.radius_trials[-1]: 0.0, the_plan.half_range_trial: 0.0}
    return {**ends, the_plan.one_step: 0.5, the_plan.tiny_steps_trial: 0.9}


@pytest.mark.parametrize("effort", list(Effort))
def test_keeps_quiet_on_a_healthy_float_network(effort: Effort) -> None:
    healthy = plan(quantized=False, effort=effort)
    assert fired(evidence(healthy_shares(healthy), the_plan=healthy)) == {}


def test_a_healthy_quantized_network_gets_a_note_at_most() -> None:
    assert {finding.severity for finding in fired(evidence(HEALTHY)).values()} == {Severity.NOTE}


def test_a_difference_that_the_sample_cannot_show_is_no_finding() -> None:
    """Six points of ten images are less than one image."""
    small = evidence({**HEALTHY, PLAN.claim: 0.4})
    few = {trial: result(trial, item.standing[:: 300 // 10]) for trial, item in small.results.items()}
    assert "FR301" in fired(small)
    assert "FR301" not in fired(replace(small, results=few, clean=left(1.0, 10), verified=left(0.3, 10)))


@pytest.mark.parametrize(("verified", "declared", "told"), [(90, 0.354, False), (90, 0.3545, True), (90, 0.2, False)])
def test_a_declared_figure_is_held_against_the_interval_alone(verified: int, declared: float, told: bool) -> None:
    """90 of 300 images: Wilson's interval is 25.09 % to 35.41 %, whose upper end decides without a tolerance."""
    given = evidence(HEALTHY, verified=verified / 300, the_plan=plan(declared=Declared(adversarial_accuracy=declared)))
    assert ("FR303" in fired(given)) is told
    assert "FR302" not in fired(given)


def test_what_better_attacks_refute_is_told_beside_a_declared_figure() -> None:
    assert {"FR302", "FR303"} <= set(fired(evidence(HEALTHY, verified=0.1, the_plan=DECLARING)))
    honest = plan(declared=Declared(adversarial_accuracy=0.05))
    assert set(fired(evidence(HEALTHY, verified=0.1, the_plan=honest))) & {"FR302", "FR303"} == {"FR302"}


def test_a_declared_figure_is_no_evidence_of_masking() -> None:
    found = fired(evidence(HEALTHY, verified=0.1, the_plan=DECLARING))
    assert speaks_of_masking(found["FR302"])
    assert not speaks_of_masking(found["FR303"])


def test_a_declared_figure_without_a_verified_one_is_skipped_with_the_reason() -> None:
    interrupted = evidence(HEALTHY, verified=None, the_plan=DECLARING, why_missing="the audit was interrupted")
    varying = evidence(HEALTHY, the_plan=DECLARING, agreement=Agreement(300, 0, 0.0, 0, 2))
    for given, why in ((interrupted, "the audit was interrupted"), (varying, "MF405")):
        skips = {skip.check: skip.why for skip in judge_checks(given, CHECKS).skipped}
        assert why in skips["declared-claim"]
        assert "FR303" not in fired(given)


def test_what_compares_with_a_declared_figure_is_skipped_where_none_is_declared() -> None:
    """It is no check that passed, in a list of tests least of all."""
    for clean, under_attack, skipped in (
        (None, None, {"clean-accuracy", "declared-claim"}),
        (0.1, None, {"declared-claim"}),
        (None, 0.1, {"clean-accuracy"}),
        (0.1, 0.1, set()),
    ):
        given = evidence(HEALTHY, the_plan=plan(declared=Declared(clean, under_attack)))
        skips = {skip.check: skip.why for skip in judge_checks(given, CHECKS).skipped}
        assert skips.keys() & {"clean-accuracy", "declared-claim"} == skipped
        assert {skips[check] for check in skipped} <= {"the card declares no such figure"}


def test_a_declared_clean_accuracy_is_not_held_against_the_model_s_own_answers() -> None:
    given = evidence(HEALTHY, labelled=False, the_plan=plan(declared=Declared(clean_accuracy=0.1)))
    assert "no labels" in {skip.check: skip.why for skip in judge_checks(given, CHECKS).skipped}["clean-accuracy"]


def test_checks_of_the_data_are_skipped_where_the_data_were_not_measured_or_have_no_labels() -> None:
    of_labels = {"chance", "label-order", "random-labels"}
    broken = evidence(HEALTHY, probes=replace(HEALTHY_PROBES, fit=None))
    unlabelled = of_the_sample(replace(HEALTHY_FIT, labels=None))
    for given in (broken, unlabelled):
        assert of_labels <= {skip.check for skip in judge_checks(given, CHECKS).skipped}


def test_a_default_session_that_could_not_be_opened_is_a_skip() -> None:
    missing = (("default-session", "no such provider"),)
    given = evidence(HEALTHY, probes=replace(HEALTHY_PROBES, missing=missing))
    skips = {skip.check: skip.why for skip in judge_checks(given, CHECKS).skipped}
    assert {skips["default-session"], skips["session-successes"]} == {"no such provider"}
    assert "default-session" not in {skip.check for skip in judge_checks(evidence(HEALTHY), CHECKS).skipped}


def test_a_loss_that_stronger_attacks_bring_anyway_is_a_warning() -> None:
    shares = {**HEALTHY, PLAN.claim: 0.8, PLAN.iteration_trial: 0.8}
    assert fired(evidence(shares, verified=0.74))["FR302"].severity is Severity.WARNING
    assert fired(evidence(shares, verified=0.70))["FR302"].severity is Severity.ERROR


def test_copies_that_disagree_on_single_images_warn_only() -> None:
    assert fired(evidence(HEALTHY, agreement=Agreement(300, 1, 0.5, 0, 0)))["MF401"].severity is Severity.WARNING
    assert fired(evidence(HEALTHY, agreement=Agreement(300, 3, 0.5, 0, 0)))["MF401"].severity is Severity.ERROR


def test_what_was_not_measured_is_skipped_with_a_reason() -> None:
    given = evidence(HEALTHY, verified=None, signal=None, the_plan=plan(transfer=False), probes=Probes())
    skips = {skip.check: skip.why for skip in judge_checks(given, CHECKS).skipped}
    without_probes = {"noise", "loss-rise", "passed-over", "convergence", "unmoved", "attack-strength"}
    causes = {"blocked-gradient", "vanishing-gradient", "logit-scale", "outer-softmax", "input-rounding"}
    gone = {"error-signal", "jacobian-scale", "claim", "transfer", "shattered-gradient"}
    left_out = {"hard-label"}
    of_the_sample = {"chance", "label-order", "random-labels", "feeding", "picture-likeness"}
    undeclared = {"clean-accuracy", "declared-claim"}
    assert set(skips) == gone | without_probes | causes | left_out | of_the_sample | undeclared
    assert all(skips.values())


def test_what_the_effort_leaves_out_is_skipped_with_the_effort_that_runs_it() -> None:
    quick = plan(effort=Effort.QUICK)
    judgement = judge_checks(evidence(HEALTHY, the_plan=quick), CHECKS)
    for effort in (Effort.STANDARD, Effort.THOROUGH):
        left_out = {skip.check for skip in judgement.skipped if f"--effort {effort} runs it" in skip.why}
        assert left_out == {check.name for check in CHECKS if check.least is effort}
        assert ("transfer" if effort is Effort.STANDARD else "hard-label") in left_out


def test_a_missing_attack_is_a_skip_that_says_which() -> None:
    given = evidence(HEALTHY)
    results = {trial: item for trial, item in given.results.items() if trial != PLAN.query_trial}
    judgement = judge_checks(replace(given, results=results), CHECKS, {PLAN.query_trial: "square is not available"})
    said = {skip.check: skip.why for skip in judgement.skipped if "--effort" not in skip.why}
    assert said["query-attack"] == "square is not available"
    assert set(said) == {"query-attack", "clean-accuracy", "declared-claim"}, "the others need no such attack"


def test_significance_is_corrected_over_all_comparisons_of_the_run() -> None:
    """20 of 300 images alone give p = 2e-6; a p-value that passes alone can fail among many."""
    given = evidence({**HEALTHY, PLAN.transfer_trial: 0.25})
    finding = fired(given)["GM104"]
    corrected = finding.measurements[-1]
    assert corrected.name == "p, Holm-corrected over the run"
    assert finding.p_value is not None
    assert finding.p_value < corrected.value < 0.05
    assert corrected.n == judge_checks(given, CHECKS).comparisons >= 8


def test_a_substitute_that_was_given_is_named_where_it_wins() -> None:
    given = evidence({**HEALTHY, PLAN.transfer_trial: 0.1})
    like = estimate(90, 100)
    for path, words in (
        ("twins/ref.onnx", "made on the substitute ref.onnx, "),
        ("", "made on a substitute network, "),
    ):
        finding = fired(replace(given, substitute=SubstituteFacts(path, "", like, like)))["GM104"]
        assert words in finding.message


def test_a_comparison_that_passes_alone_can_fail_among_many() -> None:
    """6 of 100 images: p = 0.03 alone, not among eight or more."""
    few = evidence({**HEALTHY, PLAN.transfer_trial: 0.24})
    results = {trial: result(trial, item.standing[::3]) for trial, item in few.results.items()}
    given = replace(few, results=results, clean=left(1.0, 100), verified=left(0.3, 100))
    (transfer,) = (check for check in CHECKS if check.name == "transfer")
    assert [finding.rule.code for finding in judge_checks(given, [transfer]).findings] == ["GM104"]
    assert "GM104" not in fired(given)


@pytest.mark.parametrize("kind", [OutputKind.SOFTMAX, OutputKind.LOG_SOFTMAX])
def test_a_softmax_that_the_file_tells_of_is_noted(kind: OutputKind) -> None:
    given = evidence(HEALTHY)
    assert "MF406" in fired(replace(given, facts=replace(given.facts, output=kind)))


def test_answers_that_are_random_anyway_are_not_blamed_on_the_batch() -> None:
    codes = set(fired(evidence(HEALTHY, agreement=Agreement(300, 0, 0.0, 0, 5, alone=3, company=9))))
    assert "MF405" in codes
    assert "MF407" not in codes


def test_every_rule_is_told_in_full_and_has_its_own_code_and_name() -> None:
    rules = [check.rule for check in CHECKS]
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
    code = "import sys, bnnaudit.rules.table; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_saturation_is_not_blamed_for_what_a_layer_blocks() -> None:
    dead, blocked = signal(dead=1.0, jsv=0.0), gradient(blocked=100, blocked_at="`3` (Wall)")
    assert {"SP201", "SP202"} <= set(fired(evidence(HEALTHY, signal=dead)))
    assert not {"SP201", "SP202"} & set(fired(evidence(HEALTHY, signal=dead, probes=blocked)))
    partly = fired(evidence(HEALTHY, signal=dead, probes=gradient(blocked=40, blocked_at="`3` (Wall)")))
    assert "On 60.0 % of the images" in partly["SP201"].message


def test_a_blocked_gradient_is_told_where_no_bridge_could_be_had() -> None:
    whole = SICK["SP205"]()
    bridged = whole.plan.cured_trial(Source.BRIDGED)
    results = {trial: result for trial, result in whole.results.items() if trial != bridged}
    finding = fired(replace(whole, results=results))["SP205"]
    assert "scores alone" in finding.message


def test_the_surrogates_compared_are_told_with_their_widths() -> None:
    message = fired(SICK["SP204"]())["SP204"].message
    assert "an accuracy of 60.0 % with the clipped surrogate of fixed width 1 and 30.0 % with the " in message
    assert "decides about 90 images" in message


def test_a_cut_that_leaves_a_gradient_is_a_note() -> None:
    seen = GradientFacts(Differentiation.RECORDED, (OperatorCount("own backward", 3),))
    finding = fired(evidence(HEALTHY, facts=with_gradients(seen)))["SP214"]
    assert finding.severity is Severity.NOTE
    assert "3 x own backward" in finding.message
    assert fired(SICK["SP214"]())["SP214"].severity is Severity.WARNING


def test_where_the_gradient_ends_is_named() -> None:
    seen = GradientFacts(Differentiation.RECORDED, unseen=("argsort",), dead=True)
    message = fired(evidence(HEALTHY, facts=with_gradients(seen)))["SP215"].message
    assert "argsort" in message
    assert "only attacks on scores" in message


def test_successes_of_one_session_are_told_by_session() -> None:
    finding = fired(evidence(HEALTHY, sessions=sessions(0.17, 0.37)))["MF410"]
    assert (
        "Of 249 fooled images 60 fool the exact session only and 0 a default one only: the exact session keeps an accuracy "
        "of 17.0 %, a default one of this machine 37.0 %." in finding.message
    )


@pytest.mark.parametrize(("exact", "default"), [(0.2, 0.2), (0.2, 0.21), (1.0, 1.0)])
def test_a_few_images_between_the_sessions_are_rounding(exact: float, default: float) -> None:
    assert "MF410" not in fired(evidence(HEALTHY, sessions=sessions(exact, default)))


def test_below_one_step_of_whole_numbers_attacks_have_no_symptoms_to_show() -> None:
    judged = judge_checks(evidence({}, 1.0, 1.0, plan(threat=BELOW_ONE_STEP)), CHECKS)
    found = {finding.rule.code: finding for finding in judged.findings}
    assert not any(code.startswith("GM") for code in found)
    finding = found["MF411"]
    assert "0.00235294 is smaller than one step of the int8 input, 1/255" in finding.message
    assert finding.measurements[0].value == pytest.approx(0.6)
    assert {skip.check for skip in judged.skipped} >= {"iterations", "loss-rise"}


@pytest.mark.parametrize(("eps", "empty"), [(0.99, True), (1.0, False), (1.2, False)])
@pytest.mark.parametrize("norm", list(Norm))
def test_a_ball_is_empty_below_one_step(norm: Norm, eps: float, empty: bool) -> None:
    assert replace(BELOW_ONE_STEP, norm=norm, eps=eps / 255).empty == empty
    assert not Threat(norm, 0.0).empty
