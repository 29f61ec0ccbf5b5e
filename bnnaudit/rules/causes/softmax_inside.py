"""SP209: a softmax inside the network flattens the loss (AutoAttack's flag)."""

from __future__ import annotations

from bnnaudit.core.attack import BetaRule
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="SP209",
    name="softmax-inside",
    severity=Severity.WARNING,
    summary="The network that is attacked returns probabilities: its loss applies a second softmax to them.",
    meaning=(
        "Probabilities lie in [0, 1], so the softmax of the loss can never saturate, but the first one does: where it is "
        "nearly one, its derivative is nearly zero and the gradient with it. The decision is the same without it."
    ),
    measured=(
        "Whether every output of the differentiable copy is a row of probabilities (a final softmax that is recognised is "
        "taken off before). If so, PGD and PGD++ are run again on their logarithms: on what the softmax was given where it is "
        "seen at work, else on the logarithm of what it returned, in double precision."
    ),
    threshold="Fires when the outputs lie in [0, 1] and add up to 1, both to 1e-5, on every probed image.",
    source="AutoAttack's flags; Carlini & Wagner 2016.",
    remedy="Take the softmax off the exported network, or attack the logarithm of its output.",
    false_alarms="The softmax does little harm where the network is unsure of itself; the gain stated tells how much.",
)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack, without and with a temperature, on logarithms, where the probe saw probabilities."""
    if Suspicion.PROBABILITIES not in plan.suspicions:
        return ()
    return plan.claim, *(plan.cured_trial(Source.LOGARITHM, rule) for rule in (BetaRule.NONE, BetaRule.HNS))


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Says what the softmax costs the attack."""
    seen, plan = evidence.probes.gradient, evidence.plan
    if seen is None:
        return (Skip("outer-softmax", evidence.probes.why_missing("gradient")),)
    if not seen.probabilities:
        return ()
    cured, scaled = (
        evidence.results.get(plan.cured_trial(Source.LOGARITHM, rule)) for rule in (BetaRule.NONE, BetaRule.HNS)
    )
    numbers = [Measurement("images whose outputs are probabilities", seen.images, "images")]
    gain = ""
    if cured is not None:
        plain = evidence.results[plan.claim]
        numbers += [accuracy("PGD", plain.standing), accuracy("PGD on the logarithm", cured.standing)]
        lost = compare(plain.standing, cured.standing).only_second
        gain = f" On their logarithms PGD leaves {percent(cured.standing.mean())}, {lost} images fewer"
        gain += f", PGD++ {percent(scaled.standing.mean())}." if scaled is not None else "."
    message = f"The differentiable network returns probabilities, and a loss takes the softmax of them again.{gain}"
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, tuple(numbers)),)


CHECK = Check("outer-softmax", (RULE,), trials, judge)
