"""SP211: gradients differ from point to point, and their average does better ([Pintor et al. 2022], [Athalye et al. 2018])."""

from bnnaudit.core.finding import Measurement, Rule, Severity
from bnnaudit.core.plan import Suspicion
from bnnaudit.core.trial import Source
from bnnaudit.rules.comparison import left
from bnnaudit.rules.paired_rule import Compared, both, gain_threshold, paired_rule

RULE = Rule(
    code="SP211",
    name="gradient-shattered",
    severity=Severity.WARNING,
    summary="Gradients averaged over noisy copies fool many more images than plain ones.",
    meaning=(
        "On a network with many jumps (k-winners-take-all, coarse activations) the gradient is that of the piece around one "
        "point, which says little about the next. Averaged over neighbouring points it is useful again, so images withstood the "
        "plain attack only for lack of direction."
    ),
    measured=(
        "Where noise far below the radius turns the gradient (mean cosine of neighbouring gradients below 0.5), ordinary PGD is "
        "run on the mean logits of ten noisy copies, with noise of an eighth of the radius; successes are replayed on the "
        "deployed model."
    ),
    threshold=gain_threshold("PGD with averaged gradients", "PGD with plain ones"),
    source="[Athalye et al. 2018] (EOT); [Pintor et al. 2022] (averaged PGD); [Xiao et al. 2020] (k-WTA).",
    remedy="Evaluate with averaged gradients and with queries (--method square); do not quote single-gradient figures.",
    false_alarms="None known for a material difference: the images are misclassified by the deployed model.",
)


def _numbers(seen: Compared) -> tuple[Measurement, ...]:
    noise = seen.evidence.probes.noise
    assert noise is not None
    cosine = Measurement("cosine of neighbouring gradients", noise.gradient_cosine, "", noise.images)
    return (*both("PGD", "PGD with averaged gradients")(seen), cosine)


CHECK = paired_rule(
    RULE,
    "shattered-gradient",
    comparison="plain against averaged gradient",
    pairs=lambda plan: (
        [(plan.claim, plan.cured_trial(Source.AVERAGED))] if Suspicion.UNSTABLE in plan.suspicions else []
    ),
    numbers=_numbers,
    gain="gain of averaging",
    skipped=lambda evidence: "" if evidence.probes.noise else evidence.probes.why_missing("noise"),
    message=lambda seen: (
        f"PGD leaves an accuracy of {left(seen.reference)}, the same attack with gradients averaged over noisy copies "
        f"{left(seen.other)}: single gradients of this network are of little use."
    ),
)
