"""FR301: the same attack breaks the model once the logits are scaled ([Gupta & Ajanthan 2022])."""

from bnnaudit.core.attack import BetaRule, Method
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import VARYING, accuracy, left
from bnnaudit.rules.paired_rule import gain_threshold, paired_rule

RULES_TRIED = (BetaRule.NJS, BetaRule.HNS)

RULE = Rule(
    code="FR301",
    name="temperature-scaling-breaks-it",
    severity=Severity.ERROR,
    summary="A temperature alone, which changes no prediction of the model, lets the same attack fool many more images.",
    meaning=(
        "Multiplying the logits by a constant does not change what the model predicts, so it cannot change how robust it "
        "is. If the attack then fools many more images, the robustness seen without it was a failure of the attack."
    ),
    measured=(
        "FGSM and PGD against FGSM++ and PGD++, with the NJS and HNS temperatures, at the same radius and with the same steps, "
        "random start and surrogate; compared image by image, each success replayed on the deployed model."
    ),
    threshold=(
        f"{gain_threshold('PGD++ with the better temperature', 'PGD', f'{len(RULES_TRIED)} (one for each temperature)')} "
        "Skipped where the model's answers vary (MF405, MF407)."
    ),
    source="[Gupta & Ajanthan 2022], Tables 2 to 4.",
    remedy=(
        "Do not release on the ordinary figure. Quote the verified accuracy; if that is too low, the model needs adversarial "
        "training, not a different evaluation. Scaling the logits in training makes the figures of ordinary tools meaningful "
        "again."
    ),
    false_alarms="None known: each additional image was misclassified by the deployed model itself.",
)


def scaled_trials(plan: AuditPlan, method: Method) -> tuple[Trial, ...]:
    """The attack with each temperature."""
    return tuple(plan.scaled(method, rule) for rule in RULES_TRIED)


CHECK = paired_rule(
    RULE,
    "temperature",
    comparison="plain against temperature",
    pairs=lambda plan: [(plan.claim, scaled) for scaled in scaled_trials(plan, Method.PGD)],
    numbers=lambda seen: (
        accuracy("PGD", seen.reference.standing),
        *(
            accuracy(f"PGD++ ({trial.attack.beta})", seen.evidence.results[trial].standing)
            for trial in scaled_trials(seen.evidence.plan, Method.PGD)
        ),
    ),
    gain="gain of the temperature",
    trials=lambda plan: (plan.one_step, plan.claim, *scaled_trials(plan, Method.FGSM)),
    skipped=lambda evidence: VARYING if evidence.agreement.answers_vary else "",
    message=lambda seen: (
        f"PGD leaves an accuracy of {left(seen.reference)}; the same PGD with a temperature "
        f"({str(seen.other.trial.attack.beta).upper()}) leaves {left(seen.other)}. The temperature changes no prediction of the "
        "model, so the difference was never robustness."
    ),
)
