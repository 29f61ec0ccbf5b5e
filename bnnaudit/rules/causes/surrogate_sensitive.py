"""SP204: how robust the model looks depends on the gradient that stands in for its steps."""

from __future__ import annotations

from itertools import permutations
from typing import assert_never

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.evidence import Check, Evidence
from bnnaudit.core.finding import Confidence, Finding, Rule, Severity, Skip, Undecided
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, compare, percent

RULE = Rule(
    code="SP204",
    name="surrogate-sensitive",
    severity=Severity.WARNING,
    summary="The accuracy under one and the same attack depends on the surrogate gradient.",
    meaning=(
        "Sign and round are differentiated through a surrogate. A surrogate of fixed width on unscaled activations blocks "
        "the gradient of every unit whose input is larger, and so is itself a cause of fake robustness; one that follows "
        "the layer's scale lets it through."
    ),
    measured=(
        "PGD++ (HNS) with the identity surrogate, with a clipped one of width 1, and with a triangle 0.35 times as wide "
        "as the layer's mean |pre-activation|, compared image by image; the temperature is the same rule for all."
    ),
    threshold=(
        "Fires when the best surrogate fools at least 5 points more images than the worst, the interval of that gain lies "
        "above zero, and McNemar's exact p-value, multiplied by the number of pairs, is below 0.05 after Holm's "
        "correction over the comparisons of the run."
    ),
    source="Athalye, Carlini & Wagner 2018 (BPDA); the width's effect is measured by this audit itself.",
    remedy="Quote only figures from the strongest surrogate; never those of a single fixed-width one.",
    false_alarms="None known: the images that only the better surrogate broke are real adversarial images.",
)


def _trials(plan: AuditPlan) -> tuple[Trial, ...]:
    return tuple(plan.scaled(Method.PGD, BetaRule.HNS, surrogate) for surrogate in plan.surrogates)


def trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """PGD++ with each surrogate, where the network has steps."""
    return _trials(plan) if plan.quantized else ()


def judge(evidence: Evidence) -> tuple[Finding | Skip | Undecided, ...]:
    """Compares the worst surrogate with the best."""
    if not evidence.plan.quantized:
        return ()
    results = [evidence.results[trial] for trial in _trials(evidence.plan)]
    pairs = list(permutations(results, 2))
    worst, best = max(pairs, key=lambda pair: compare(pair[0].standing, pair[1].standing).gain)
    pair = compare(worst.standing, best.standing)
    choices = len(pairs) // 2
    if not pair.is_material:
        return pair.undecided("surrogate against surrogate", choices)
    message = (
        f"The same attack leaves {percent(worst.standing.mean())} standing through {_in_words(worst.trial.attack.surrogate)} "
        f"and {percent(best.standing.mean())} through {_in_words(best.trial.attack.surrogate)}: where a surrogate lets the "
        f"gradient pass decides about {pair.only_second} images, and a figure obtained with a single one says little."
    )
    numbers = (
        *(accuracy(f"{result.trial.attack.surrogate} surrogate", result.standing) for result in results),
        *pair.measured("gain of the best surrogate"),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers, pair.p_among(choices)),)


def _in_words(surrogate: Surrogate) -> str:
    """A surrogate with its width, which says where it lets the gradient pass."""
    if surrogate.kind is SurrogateKind.IDENTITY:
        return "the identity, which has no width"
    named = f"the {surrogate.kind} surrogate of"
    match surrogate.unit:
        case WidthUnit.ABSOLUTE:
            return f"{named} fixed width {surrogate.width:g}"
        case WidthUnit.IMAGE | WidthUnit.LAYER:
            return f"{named} width {surrogate.width:g} x the mean pre-activation"
        case WidthUnit.REACH:
            return f"{named} width {surrogate.width:g} x the layer's reach"
        case _:
            assert_never(surrogate.unit)


CHECK = Check("surrogate", (RULE,), trials, judge)
