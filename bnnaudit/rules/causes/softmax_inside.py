"""SP209: a softmax inside the network flattens the loss ([AutoAttack flags])."""

from bnnaudit.core.attack import BetaRule
from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.scores import PROBABILITY_TOLERANCE
from bnnaudit.core.trial import Source, Trial
from bnnaudit.rules.comparison import accuracy, compare, left
from bnnaudit.rules.share_rule import gradient_probe

RULE = Rule(
    code="SP209",
    name="softmax-inside",
    severity=Severity.WARNING,
    summary="The attacked network returns probabilities, and the loss applies a second softmax to them.",
    meaning=(
        "Probabilities lie in [0, 1], so the softmax of the loss never saturates, but the first one does: where it is nearly "
        "one, its derivative is nearly zero, and so is the gradient. The prediction is the same without it."
    ),
    measured=(
        "Whether every output of the differentiable copy is a probability distribution (a final softmax that is recognised has "
        "been removed before). If so, PGD and PGD++ are run again on logarithms: on the softmax's input where it is recorded, "
        "else on the logarithm of its output, in double precision."
    ),
    threshold=(
        f"Fires when the outputs lie in [0, 1] and add up to 1, both within {PROBABILITY_TOLERANCE:g}, on every probed image."
    ),
    source="[AutoAttack flags]; [Carlini & Wagner 2016].",
    remedy="Remove the softmax from the exported network, or attack the logarithm of its output.",
    false_alarms="The softmax does little harm where the network is unsure; the gain in the message says how much.",
)


def _cured(plan: AuditPlan) -> tuple[Trial, ...]:
    return tuple(plan.cured_trial(Source.LOGARITHM, rule) for rule in (BetaRule.NONE, BetaRule.HNS))


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """The ordinary attack, without and with a temperature, on logarithms, where the probe saw probabilities."""
    return (plan.claim, *_cured(plan)) if Suspicion.PROBABILITIES in plan.suspicions else ()


def judge(evidence: Evidence) -> Judged:
    """Reports how much the softmax weakens the attack."""
    seen, plan = gradient_probe(evidence), evidence.plan
    if isinstance(seen, str):
        return (Skip("outer-softmax", seen),)
    if not seen.probabilities:
        return ()
    cured, scaled = (evidence.results.get(trial) for trial in _cured(plan))
    numbers = [Measurement("images whose outputs are probabilities", seen.images, "images")]
    gain = ""
    if cured is not None:
        plain = evidence.results[plan.claim]
        numbers += [accuracy("PGD", plain.standing), accuracy("PGD on the logarithm", cured.standing)]
        fooled = compare(plain.standing, cured.standing).only_second
        gain = f" On their logarithms PGD leaves an accuracy of {left(cured)} and fools {fooled} more images"
        gain += f"; PGD++ leaves {left(scaled)}." if scaled is not None else "."
    message = f"The differentiable network returns probabilities, and the loss applies a softmax to them again.{gain}"
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, tuple(numbers)),)


CHECK = Check("outer-softmax", RULE, judge, trials)
