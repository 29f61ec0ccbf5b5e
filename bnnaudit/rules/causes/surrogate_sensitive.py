"""SP204: the accuracy under attack depends on the surrogate gradient of the steps."""

from itertools import permutations
from typing import assert_never

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import accuracy, left
from bnnaudit.rules.paired_rule import gain_threshold, paired_rule

RULE = Rule(
    code="SP204",
    name="surrogate-sensitive",
    severity=Severity.WARNING,
    summary="The accuracy under one and the same attack depends on the surrogate gradient.",
    meaning=(
        "Sign and round are differentiated through a surrogate. A surrogate of fixed width on unscaled activations blocks "
        "the gradient of every unit with a larger input and so causes fake robustness itself; one that follows the scale of the "
        "layer lets it through."
    ),
    measured=(
        "PGD++ (HNS) with the identity surrogate, with a clipped one of width 1, and with a triangular one 0.35 times as wide "
        "as the layer's mean |pre-activation|, compared image by image; all use the same temperature rule."
    ),
    threshold=gain_threshold("PGD++ with the best surrogate", "with the worst", "the number of pairs"),
    source="[Athalye et al. 2018] (BPDA); the effect of the width is measured by this audit itself.",
    remedy="Quote only figures from the strongest surrogate, never those of a single fixed-width one.",
    false_alarms="None known: the images that only the better surrogate fooled are real adversarial images.",
)


def surrogate_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """PGD++ with each surrogate, where the network has steps."""
    surrogates = plan.surrogates if plan.quantized else ()
    return tuple(plan.scaled(Method.PGD, BetaRule.HNS, surrogate) for surrogate in surrogates)


def _in_words(trial: Trial) -> str:
    """The trial's surrogate with its width, which decides where it lets the gradient pass."""
    surrogate: Surrogate = trial.attack.surrogate
    if surrogate.kind is SurrogateKind.IDENTITY:
        return "the identity (which has no width)"
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


CHECK = paired_rule(
    RULE,
    "surrogate",
    comparison="surrogate against surrogate",
    pairs=lambda plan: list(permutations(surrogate_trials(plan), 2)),
    numbers=lambda seen: [
        accuracy(f"{trial.attack.surrogate} surrogate", seen.evidence.results[trial].standing)
        for trial in surrogate_trials(seen.evidence.plan)
    ],
    gain="gain of the best surrogate",
    message=lambda seen: (
        f"The same attack leaves an accuracy of {left(seen.reference)} with {_in_words(seen.reference.trial)} and "
        f"{left(seen.other)} with {_in_words(seen.other.trial)}: the choice of surrogate decides about "
        f"{seen.paired.only_second} images, so a figure obtained with a single one says little."
    ),
)
