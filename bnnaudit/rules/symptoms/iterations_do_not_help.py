"""GM101: more iterations do not break more images ([G22] Figure 1, [C19])."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import MATERIAL, accuracy, compare, percent

ENOUGH_LEFT = 0.10
"""Below this share of images left there is nothing for more iterations to show."""

RULE = Rule(
    code="GM101",
    name="iterations-do-not-help",
    severity=Severity.WARNING,
    summary="Iterating the ordinary attack breaks no more images than its single-step form.",
    meaning=(
        "An iterative attack follows the loss uphill and must break clearly more images than one step does. When it does "
        "not, its gradients lead nowhere: the accuracy that is left says more about the attack than about the model."
    ),
    measured=(
        "Ordinary PGD (cross-entropy, b = 1, straight-through gradients, fixed step size, random start) runs for 100 "
        "steps, every iterate judged, each success replayed. It is compared image by image with FGSM at the same radius."
    ),
    threshold=(
        "Fires when at least 10 % of the images still stand after the last step and the 95 % interval of the accuracy "
        "that PGD takes beyond FGSM lies below 5 points. Not where PGD takes less than 5 points in all while its loss rises "
        "on every image watched: there the radius is too small for anything to fall."
    ),
    source="Carlini et al. 2019 (iterative attacks must beat single-step ones); Gupta & Ajanthan 2022, Figure 1.",
    remedy=(
        "Do not quote the PGD figure. Attack again with a temperature (--beta tracked or hns) and a surrogate that follows "
        "the layers' scale (--surrogate adaptive); quote the verified accuracy of this report."
    ),
    false_alarms=(
        "At a radius so small that the network is nearly linear inside it, one step already does all that can be done. "
        "The symptom is then harmless: the verdict says whether any attack does better."
    ),
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The long attack, and one step."""
    return plan.iteration_trial, plan.one_step


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Compares one step with the last of many."""
    plan = evidence.plan
    many, one = evidence.results[plan.iteration_trial], evidence.results[plan.one_step]
    pair = compare(one.standing, many.standing)
    left = accuracy("after all steps", many.standing)
    if left.value < ENOUGH_LEFT or pair.interval[1] >= MATERIAL:
        return ()
    if _too_small_a_radius(evidence):
        return ()
    steps = many.trial.attack.steps
    message = (
        f"{steps} steps of PGD leave {percent(left.value)} of the images standing, where a single step (FGSM) leaves "
        f"{percent(one.standing.mean())}: iterating gains next to nothing, so the attack's gradients lead nowhere."
    )
    numbers = (accuracy("after one step (FGSM)", one.standing), left, *pair.measured("gain of iterating"))
    return (Finding(RULE, message, RULE.severity, Confidence.MEDIUM, numbers),)


def _too_small_a_radius(evidence: Evidence) -> bool:
    """Whether the loss rises everywhere and still nothing falls: then no step, first or last, has anything to gain."""
    climb = evidence.probes.climb
    lost = int((evidence.clean & ~evidence.results[evidence.plan.iteration_trial].standing).sum())
    return climb is not None and climb.flat == 0 and lost < MATERIAL * evidence.samples


CHECK = Check("iterations", (RULE,), trials, judge)
