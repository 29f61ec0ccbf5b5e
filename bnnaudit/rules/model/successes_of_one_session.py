"""MF410: adversarial images that fool the model in one session of ONNX Runtime and not in the other."""

from bnnaudit.core.evidence import Check, Evidence, Judged
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.rules.comparison import percent, share
from bnnaudit.rules.share_rule import lies_above, share_threshold

TOLERATED = 0.02
"""Share of the fooled images that may fool one session only. Not tuned."""

RULE = Rule(
    code="MF410",
    name="successes-of-one-session",
    severity=Severity.WARNING,
    summary="A material share of the adversarial images fools an exact session of ONNX Runtime or a default one, not both.",
    meaning=(
        "The accuracy that is left depends on how the file is served: an exact session computes what the file says, a default "
        "one fuses layers into integer kernels that round differently. Images that fool only one of the two lie near a rounding "
        "step. That they fail in a session does not make it robust: attacks follow the exact arithmetic and do not target the "
        "other."
    ),
    measured=(
        "Every image that fooled the differentiable copy is given to both sessions on the processor of the audit. Counted are "
        "images that both classified correctly without attack, after all attacks of the audit."
    ),
    threshold=share_threshold("the share of fooled images that fool one session only", TOLERATED),
    source="This tool's own requirement, as for MF404.",
    remedy=(
        "Serve with the session option session.x64quantprecision=1 and without the optimizer QDQSelectorActionTransformer, "
        "where the exact figure holds; or see what is left of a default session with --serve-as default."
    ),
    false_alarms="None known: the finding only says that the two differ. Which session counts is set by --serve-as.",
)


def judge(evidence: Evidence) -> Judged:
    """Counts the images that all attacks together fool in one session alone."""
    if why := evidence.probes.recorded("default-session"):
        return (Skip("session-successes", why),)
    if evidence.sessions is None:
        return ()
    before, after = evidence.sessions
    right = before.exact & before.default
    exact, default = right & ~after.exact, right & ~after.default
    fooled, only = int((exact | default).sum()), (int((exact & ~default).sum()), int((default & ~exact).sum()))
    counted = share("broken in one session alone", sum(only), fooled, "fraction of broken images")
    if not lies_above(counted, TOLERATED):
        return ()
    message = (
        f"Of {fooled} fooled images {only[0]} fool the exact session only and {only[1]} a default one only: the exact session "
        f"keeps an accuracy of {percent(float(after.exact.mean()))}, a default one of this machine "
        f"{percent(float(after.default.mean()))}."
    )
    numbers = (
        counted,
        Measurement("broken in the exact session alone", only[0], "images", fooled),
        Measurement("broken in a default session alone", only[1], "images", fooled),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("session-successes", RULE, judge)
