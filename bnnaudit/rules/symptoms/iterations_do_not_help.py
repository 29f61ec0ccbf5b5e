"""GM101: more iterations do not fool more images ([Carlini et al. 2019], [Gupta & Ajanthan 2022] Figure 1)."""

from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import Rule, Severity
from bnnaudit.core.plan import SWEEP_STEPS
from bnnaudit.rules.comparison import MATERIAL, in_points, left
from bnnaudit.rules.paired_rule import no_gain_rule, no_gain_threshold

RULE = Rule(
    code="GM101",
    name="iterations-do-not-help",
    severity=Severity.WARNING,
    summary="Ordinary PGD fools no more images than its single-step form.",
    meaning=(
        "An iterative attack climbs the loss and must fool clearly more images than a single step. If it does not, its "
        "gradients are of no use: the remaining accuracy says more about the attack than about the model."
    ),
    measured=(
        f"Ordinary PGD (cross-entropy, b = 1, straight-through gradients, fixed step size, random start) runs for {SWEEP_STEPS} "
        "steps; every iterate is evaluated and each success is replayed on the deployed model. It is compared image by image "
        "with FGSM at the same radius."
    ),
    threshold=(
        f"{no_gain_threshold('PGD', 'FGSM')} Does not fire where PGD takes less than {in_points(MATERIAL)} in all while its loss "
        "rises on every image probed: the radius is then too small for any attack to succeed."
    ),
    source="[Carlini et al. 2019] (iterative attacks must beat single-step ones); [Gupta & Ajanthan 2022], Figure 1.",
    remedy=(
        "Do not quote the PGD figure. Attack again with a temperature (--beta tracked or --beta hns) and a surrogate that "
        "follows the scale of the layers (--surrogate triangular), and quote the verified accuracy of this report."
    ),
    false_alarms=(
        "At a radius so small that the network is nearly linear within it, a single step already does all that can be done. "
        "The symptom is then harmless: the verdict says whether any attack does better."
    ),
)


def _is_radius_too_small(evidence: Evidence) -> bool:
    """Whether the loss rises on every image and still next to none is fooled: then no step has anything to gain."""
    climb = evidence.probes.climb
    lost = int((evidence.clean & ~evidence.results[evidence.plan.iteration_trial].standing).sum())
    return climb is not None and climb.flat == 0 and lost < MATERIAL * evidence.samples


CHECK = no_gain_rule(
    RULE,
    "iterations",
    weaker=("after one step (FGSM)", lambda plan: plan.one_step),
    stronger=("after all steps", lambda plan: plan.iteration_trial),
    gain="gain of iterating",
    excused=_is_radius_too_small,
    message=lambda seen: (
        f"{seen.other.trial.attack.steps} steps of PGD leave an accuracy of {left(seen.other)}, a single step (FGSM) leaves "
        f"{left(seen.reference)}: iterating gains next to nothing, so the attack's gradients are of no use."
    ),
)
