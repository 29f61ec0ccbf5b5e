"""FR301: the same attack breaks the model once the logits are scaled ([G22])."""

from __future__ import annotations

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import VARYING, accuracy, compare, percent

RULES_TRIED = (BetaRule.NJS, BetaRule.HNS)

RULE = Rule(
    code="FR301",
    name="temperature-scaling-breaks-it",
    severity=Severity.ERROR,
    summary="A temperature alone, which changes no decision of the model, lets the same attack break many more images.",
    meaning=(
        "Multiplying the logits by a constant does not change what the model answers, so it cannot change how robust it "
        "is. If the attack then breaks far more images, the robustness seen without it was the attack's failure."
    ),
    measured=(
        "FGSM and PGD against FGSM++ and PGD++, with the NJS and HNS temperatures, at the same radius, steps, random start "
        "and surrogate; compared image by image, each success replayed on the deployed model."
    ),
    threshold=(
        "Fires when PGD++ with either temperature fools at least 5 points more images than PGD, the interval of that gain lies "
        "above zero, and McNemar's exact p-value, doubled for the choice of two, is below 0.05 after Holm's "
        "correction over the comparisons of the run. Skipped where the model's answers vary (MF405, MF407)."
    ),
    source="Gupta & Ajanthan 2022 (arXiv 2003.13511), Tables 2 to 4.",
    remedy=(
        "Do not release on the ordinary figure. Quote the verified accuracy; if that is too low the model needs adversarial "
        "training, not a different evaluation. Scaling the logits in training makes ordinary tools honest again."
    ),
    false_alarms="None known: each additional image was misclassified by the deployed model itself.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """FGSM and PGD, without and with each temperature."""
    scaled = [plan.scaled(method, rule) for method in (Method.FGSM, Method.PGD) for rule in RULES_TRIED]
    return plan.one_step, plan.claim, *scaled


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares PGD with the better of the two PGD++."""
    if evidence.agreement.answers_vary:
        return (Skip("temperature", VARYING),)
    plan = evidence.plan
    plain = evidence.results[plan.claim]
    scaled = [evidence.results[plan.scaled(Method.PGD, rule)] for rule in RULES_TRIED]
    best = min(scaled, key=lambda result: int(result.standing.sum()))
    pair = compare(plain.standing, best.standing)
    if not pair.is_material:
        return pair.undecided("plain against temperature", len(scaled))
    message = (
        f"PGD leaves {percent(plain.standing.mean())} of the images standing; the same PGD with a temperature "
        f"({str(best.trial.attack.beta).upper()}) leaves {percent(best.standing.mean())}. The temperature changes no "
        "decision of the model: the difference was never robustness."
    )
    numbers = (
        accuracy("PGD", plain.standing),
        *(accuracy(f"PGD++ ({result.trial.attack.beta})", result.standing) for result in scaled),
        *pair.measured("gain of the temperature"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_among(len(scaled))),)


CHECK = Check("temperature", (RULE,), trials, judge)
