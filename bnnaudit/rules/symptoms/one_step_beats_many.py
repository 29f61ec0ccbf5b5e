"""GM102: one step fools more images than many ([Athalye et al. 2018])."""

from bnnaudit.core.finding import Rule, Severity
from bnnaudit.rules.comparison import accuracy, left
from bnnaudit.rules.paired_rule import gain_threshold, paired_rule

RULE = Rule(
    code="GM102",
    name="one-step-beats-many",
    severity=Severity.WARNING,
    summary="A single step of the ordinary attack fools more images than many steps.",
    meaning="Many steps can reach what one step reaches. An iterative attack that does worse lacks a useful gradient.",
    measured="FGSM and ordinary PGD at the same radius, compared image by image after replay on the deployed model.",
    threshold=gain_threshold("FGSM", "PGD"),
    source="[Athalye et al. 2018], first behaviour.",
    remedy="Attack with a temperature and with several surrogates; check the share of zero gradients in the signal table.",
    false_alarms="Rare: FGSM moves each pixel by the whole radius, which PGD with very few or very small steps cannot.",
)

CHECK = paired_rule(
    RULE,
    "one-step",
    comparison="one step against many",
    pairs=lambda plan: [(plan.claim, plan.one_step)],
    numbers=lambda seen: (accuracy("FGSM", seen.other.standing), accuracy("PGD", seen.reference.standing)),
    gain="gain of one step",
    message=lambda seen: (
        f"A single step (FGSM) leaves an accuracy of {left(seen.other)}, {seen.reference.trial.attack.steps} steps of PGD leave "
        f"{left(seen.reference)}: the iterative attack gets stuck where a single step does not."
    ),
)
