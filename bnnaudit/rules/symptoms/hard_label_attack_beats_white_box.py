"""GM108: an attack that sees only the predicted class beats the one that sees gradients ([Athalye et al. 2018])."""

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.plan import CLASSES_ASKED
from bnnaudit.rules.comparison import left, percent
from bnnaudit.rules.paired_rule import both, gain_threshold, paired_rule

RULE = Rule(
    code="GM108",
    name="hard-label-attack-beats-white-box",
    severity=Severity.WARNING,
    summary="An attack that sees only the predicted class fools many images that withstood the gradient attack.",
    meaning=(
        "Anyone who can use the model can run this attack: it needs neither gradients nor scores. Flat scores and hidden "
        "gradients do not affect it, so if it does better than PGD, PGD measured the masking and not the model."
    ),
    measured=(
        f"On each image that withstood ordinary PGD, with {CLASSES_ASKED[Effort.THOROUGH]:,} queries per image (--effort "
        "thorough): for L-inf the signs of blocks of pixels are flipped to bring the decision boundary nearer (RayS), for L2 "
        "the attack walks along the boundary by normals estimated from predicted classes (HopSkipJump). Compared image by "
        "image, each success replayed on the deployed model."
    ),
    threshold=gain_threshold("PGD followed by the hard-label attack", "PGD alone"),
    source="[Chen & Gu 2020] (RayS); [Chen et al. 2020] (HopSkipJump); [Carlini et al. 2019]; [Athalye et al. 2018].",
    remedy=(
        "Find out why PGD fails: the SP rules name the cause, and the table of cures shows what removes it. Quote the verified "
        "accuracy. If GM107 does not fire, the scores themselves are flat or noisy: look at SP209 and MF405 first."
    ),
    false_alarms="None known for a material difference: each image is misclassified by the deployed model.",
)

CHECK = paired_rule(
    RULE,
    "hard-label",
    comparison="hard-label attack against white box",
    pairs=lambda plan: [(plan.claim, plan.hard_label_trial)],
    numbers=both("after PGD", "after PGD and the hard-label attack"),
    gain="gain of the hard-label attack",
    least=Effort.THOROUGH,
    message=lambda seen: (
        f"PGD leaves an accuracy of {left(seen.reference)}; an attack that sees only the predicted class, with at most "
        f"{seen.other.trial.attack.image_steps:,} queries per image, fools the model on another {percent(seen.paired.gain)} of "
        "the sample."
    ),
)
