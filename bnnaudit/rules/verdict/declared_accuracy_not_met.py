"""FR303: the accuracy under attack that the model's maker declares is above what is left."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import DECLARED_NOT_MET, Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import NONE_DECLARED, VARYING, accuracy, percent

RULE = Rule(
    code=DECLARED_NOT_MET,
    name="declared-accuracy-not-met",
    severity=Severity.ERROR,
    summary="The declared accuracy under attack is above what is left after all attacks of the audit.",
    meaning=(
        "The figure that the card declares is not true of this model under this threat. That alone says nothing about gradient "
        "masking: ordinary attacks may show the same. Where they do not, FR301 and FR302 say so."
    ),
    measured=(
        "Verified: the images that withstand every attack of the audit, each success confirmed by the deployed model, with the "
        "95 % Wilson interval. The declared figure is a number and has no interval. Skipped where the model's answers vary "
        "(MF405, MF407)."
    ),
    threshold=(
        "Fires when the interval ends below the declared figure; there is no tolerance. Where the interval includes the declared "
        "figure, the rule does not fire and the gate is undecided about the claim."
    ),
    source="This tool's own requirement; [Wilson 1927].",
    remedy=(
        "Declare a figure at or below the lower end of the verified interval, under the threat that the card names, or improve "
        "the model until it meets the figure that stands there."
    ),
    false_alarms=(
        "One sample in forty by chance alone, if the declared figure is exact. Threat, data and preprocessing of the audit must "
        "be those that the figure was measured with."
    ),
)


def judge(evidence: Evidence) -> Judged:
    """Compares the verified accuracy with the declared figure, if there is one."""
    declared = evidence.plan.declared.adversarial_accuracy
    if declared is None:
        return (Skip("declared-claim", NONE_DECLARED),)
    if evidence.verified is None:
        return (Skip("declared-claim", evidence.why_missing or "the verified accuracy was not reached"),)
    if evidence.agreement.answers_vary:
        return (Skip("declared-claim", VARYING),)
    verified = accuracy("verified accuracy", evidence.verified)
    if verified.high is None or verified.high >= declared:
        return ()
    message = (
        f"The card declares an accuracy of {percent(declared)} under attack; {percent(verified.value)} of {verified.n} images "
        f"withstand the audit's attacks (at most {percent(verified.high)} with 95 % confidence), each success confirmed on the "
        "deployed model."
    )
    numbers = (Measurement("declared accuracy under attack", declared, "fraction of images"), verified)
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("declared-claim", RULE, judge)
