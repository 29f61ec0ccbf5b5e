"""GM107: an attack that sees only scores beats the one that sees gradients ([Athalye et al. 2018])."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.plan import QUERIES
from bnnaudit.rules.comparison import left, percent
from bnnaudit.rules.paired_rule import both, gain_threshold, paired_rule

RULE = Rule(
    code="GM107",
    name="query-attack-beats-white-box",
    severity=Severity.WARNING,
    summary="Square Attack, which sees only scores, fools many images that withstood the gradient attack.",
    meaning=(
        "Square Attack changes random squares of the image and keeps what lowers the margin. It knows less than an attack "
        "with gradients; if it does better, the gradients are masked, and hiding them protects nobody."
    ),
    measured=(
        f"Square Attack on each image that withstood ordinary PGD, with {QUERIES[Effort.STANDARD]:,} queries per image "
        f"(--effort standard) or {QUERIES[Effort.THOROUGH]:,} (--effort thorough). Compared image by image, each success "
        "replayed on the deployed model."
    ),
    threshold=gain_threshold("PGD followed by Square Attack", "PGD alone"),
    source="[Andriushchenko et al. 2020]; [Athalye et al. 2018], second behaviour; [AutoAttack flags].",
    remedy="As for GM104: attack with --beta hns and --surrogate triangular, and quote the verified accuracy.",
    false_alarms="None known for a material difference: each image is misclassified by the deployed model.",
)

CHECK = paired_rule(
    RULE,
    "query-attack",
    comparison="query attack against white box",
    pairs=lambda plan: [(plan.claim, plan.query_trial)],
    numbers=both("after PGD", "after PGD and Square"),
    gain="gain of Square",
    least=Effort.STANDARD,
    message=lambda seen: (
        f"PGD leaves an accuracy of {left(seen.reference)}; Square Attack, without gradients and with at most "
        f"{seen.other.trial.attack.image_steps:,} queries per image, fools the model on another {percent(seen.paired.gain)} of "
        "the sample."
    ),
)
