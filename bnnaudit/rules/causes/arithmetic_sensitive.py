"""SP207: the accuracy under attack depends on the arithmetic that the attack is computed in."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.trial import Source
from bnnaudit.rules.comparison import left
from bnnaudit.rules.paired_rule import both, gain_threshold, paired_rule

RULE = Rule(
    code="SP207",
    name="arithmetic-sensitive",
    severity=Severity.WARNING,
    summary="The same attack computed in double precision fools many more images.",
    meaning="Rounding is no defence. If float64 finds what float32 does not, the gradient exists and underflowed.",
    measured=(
        "Ordinary PGD on the differentiable copy in float32 and in float64, with the same starts and steps; its images are "
        "rounded to float32 and replayed on the deployed model. Compared image by image."
    ),
    threshold=gain_threshold("PGD in float64", "PGD in float32"),
    source="[Gupta & Ajanthan 2022], section 3 (underflow of the error signal); [Pintor et al. 2022].",
    remedy="Attack with --error-signal exact or a temperature, which cannot underflow; quote the verified accuracy.",
    false_alarms="None known for a material difference; a sign at an exact tie changes single images at most.",
)

CHECK = paired_rule(
    RULE,
    "arithmetic",
    comparison="float32 against float64",
    pairs=lambda plan: [(plan.claim, plan.cured_trial(Source.FLOAT64))],
    numbers=both("PGD in float32", "PGD in float64"),
    gain="gain of float64",
    least=Effort.STANDARD,
    message=lambda seen: (
        f"PGD leaves an accuracy of {left(seen.reference)} in float32 and {left(seen.other)} in float64: what looked like "
        "robustness was rounding."
    ),
)
