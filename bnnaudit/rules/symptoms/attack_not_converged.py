"""GM115: the attack stops while its loss still rises ([Pintor et al. 2022], fourth indicator)."""

from bnnaudit.core.finding import Confidence, Rule, Severity
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import climb_probe, share_rule, share_threshold

TOLERATED = 0.10
"""Share of the images. Not tuned."""

RULE = Rule(
    code="GM115",
    name="attack-not-converged",
    severity=Severity.NOTE,
    summary="On many images that withstand the attack, the loss still rises when it ends.",
    meaning="An attack that is cut short leaves an upper bound: more steps, or larger ones, may fool the image.",
    measured=(
        "Ordinary PGD is followed step by step on up to 100 correctly classified images. An image that withstands it counts if "
        "the highest loss so far grew by more than 5 % of its total rise over the second half of the steps."
    ),
    threshold=share_threshold("the share of such images among all that were probed", TOLERATED),
    source="[Pintor et al. 2022], indicator I4 (more than 0.05 of the scaled loss over the last steps).",
    remedy="Give the attack more --steps or a larger --step-size, and rely on the verified accuracy, which had both.",
    false_alarms="A small loss can rise slowly for long without ever reaching a decision boundary; hence a note.",
)

CHECK = share_rule(
    RULE,
    "convergence",
    of=climb_probe,
    share=lambda seen: share("images that stand while the loss rises", seen.rising, seen.images),
    above=TOLERATED,
    numbers=lambda seen, counted: (counted, share("images that stand", seen.standing, seen.images)),
    confidence=Confidence.MEDIUM,
    message=lambda seen, counted: (
        f"On {percent(counted.value)} of the images PGD's loss still rises after {seen.steps // 2} of its "
        f"{seen.steps} steps and the image withstands the attack: it was cut short."
    ),
)
