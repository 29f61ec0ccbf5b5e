"""GM104: images made on another network fool the model more often than the model's own gradients do ([Athalye et al. 2018])."""

from pathlib import Path

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.file_name import shown
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.rules.comparison import left
from bnnaudit.rules.paired_rule import both, gain_threshold, paired_rule

RULE = Rule(
    code="GM104",
    name="transfer-beats-white-box",
    severity=Severity.WARNING,
    summary="Adversarial images made on a substitute network fool the model more often than the white-box attack.",
    meaning=(
        "An attacker who knows the model's own gradients can do no worse than one who has to guess them from another network. "
        "If a black-box attack wins, the model's gradients are masked, and an attacker without them breaks it."
    ),
    measured=(
        "PGD runs on a substitute (--substitute, such as the model's float twin, or else a small float network trained to "
        "imitate the model's predictions) and its images are given to the deployed model; compared image by image with ordinary "
        "white-box PGD."
    ),
    threshold=gain_threshold("the transfer attack", "white-box PGD"),
    source="[Athalye et al. 2018], second behaviour; [Carlini et al. 2019]; [Papernot et al. 2017].",
    remedy=(
        "Attack with a temperature (--beta hns) and a surrogate that follows the scale of the layers (--surrogate triangular). "
        "A low transfer rate, on the other hand, is no evidence of robustness, since substitutes differ from the model."
    ),
    false_alarms="None known for a material difference: the images that only the transfer attack fooled are real attacks.",
)


def _substitute(evidence: Evidence) -> str:
    """The substitute, by its file's name if it was given."""
    substitute = evidence.substitute
    if substitute is None or substitute.trained:
        return "a substitute network"
    return f"the substitute {shown(Path(substitute.path).name)}"


CHECK = paired_rule(
    RULE,
    "transfer",
    comparison="transfer against white box",
    pairs=lambda plan: [(plan.claim, plan.transfer_trial)] if plan.transfer else [],
    numbers=both("white-box PGD", "transfer"),
    gain="gain of transfer",
    least=Effort.STANDARD,
    skipped=lambda evidence: "" if evidence.plan.transfer else "switched off",
    message=lambda seen: (
        f"Images made on {_substitute(seen.evidence)}, without the model's gradients, leave an accuracy of {left(seen.other)}; "
        f"PGD with the model's own gradients leaves {left(seen.reference)}. Knowing the model cannot make an attacker weaker, so "
        "its gradients mislead the attack."
    ),
)
