"""SP211: gradients differ from point to point, and their average does better ([P22], [A18])."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="SP211",
    name="gradient-shattered",
    severity=Severity.WARNING,
    summary="Gradients averaged over noisy copies break many more images than the plain ones.",
    meaning=(
        "A network that jumps (k-winner-take-all, coarse activations) has a true gradient of its momentary piece, which "
        "points anywhere. Averaged over neighbours it points uphill again. What stood before stood for want of direction."
    ),
    measured=(
        "Where noise far below the radius turns the gradient (mean cosine of neighbouring gradients below 0.5) or changes "
        "classes (GM112), ordinary PGD is run on the mean logits of ten noisy copies, noise of an eighth of the radius; "
        "successes are replayed on the deployed model."
    ),
    threshold=(
        "Fires when the averaged gradient fools at least 5 points more images, the interval of that gain lies above zero, "
        "and McNemar's exact p-value is below 0.05 after Holm's correction over the comparisons of the run."
    ),
    source="Athalye, Carlini & Wagner 2018 (shattered gradients, EOT); Pintor et al. 2022 (averaged PGD against k-WTA).",
    remedy="Evaluate with averaged gradients and by queries; do not quote single-gradient figures.",
    false_alarms="None known for a material difference: the images are misclassified by the deployed model.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack with and without averaging, where the probe saw gradients that differ."""
    return (plan.claim, plan.cured_trial(Source.AVERAGED)) if Suspicion.UNSTABLE in plan.suspicions else ()


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares plain with averaged gradients."""
    plan, seen = evidence.plan, evidence.probes.noise
    if seen is None:
        return (Skip("shattered-gradient", evidence.probes.why_missing("noise")),)
    if Suspicion.UNSTABLE not in plan.suspicions:
        return ()
    plain, averaged = evidence.results[plan.claim], evidence.results[plan.cured_trial(Source.AVERAGED)]
    pair = compare(plain.standing, averaged.standing)
    if not pair.is_material:
        return pair.undecided("plain against averaged gradient")
    message = (
        f"PGD leaves {percent(plain.standing.mean())} of the images standing, the same attack with gradients averaged over "
        f"noisy copies {percent(averaged.standing.mean())}: single gradients of this network point anywhere."
    )
    numbers = (
        accuracy("PGD", plain.standing),
        accuracy("PGD with averaged gradients", averaged.standing),
        Measurement("cosine of neighbouring gradients", seen.gradient_cosine, "", seen.images),
        *pair.measured("gain of averaging"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_value),)


CHECK = Check("shattered-gradient", (RULE,), trials, judge)
