"""MF410: adversarial images that fool the model in one session of ONNX Runtime and not in the other."""

from __future__ import annotations

from bnnaudit.core.evidence import Check, Evidence, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Severity, Skip
from bnnaudit.numerics.intervals import wilson_interval
from bnnaudit.rules.comparison import percent

TOLERATED = 0.02

RULE = Rule(
    code="MF410",
    name="successes-of-one-session",
    severity=Severity.WARNING,
    summary="A material share of the adversarial images fools an exact session of ONNX Runtime or a default one, not both.",
    meaning=(
        "The accuracy that is left depends on how the file is served: an exact session computes what it says, a default one "
        "fuses layers into kernels on integers that round otherwise. Images that hold in one of the two lie near a rounding "
        "step. That they fail in a session is no robustness of it: attacks follow the exact arithmetic, and nobody aimed at "
        "the other's."
    ),
    measured=(
        "Every image that fooled the differentiable copy is put to both sessions on the processor of the audit. Counted are "
        "images that both got right without attack, after all attacks of the audit."
    ),
    threshold="Fires when the 95 % interval of the share of broken images that hold in one session alone lies above 2 %.",
    source="This tool's own requirement, as for MF404.",
    remedy=(
        "Serve with the session option session.x64quantprecision=1 and without the optimizer QDQSelectorActionTransformer, "
        "where the exact figure holds; or see what is left of another one with --serve-as default."
    ),
    false_alarms="None known: the count says no more than that the two differ. Which session counts is --serve-as.",
)


def judge(evidence: Evidence) -> tuple[Finding | Skip, ...]:
    """Counts the images on which everything that was tried succeeded in one session alone."""
    if evidence.sessions is None:
        return ()
    before, after = evidence.sessions
    right = before.exact & before.default
    exact, default = right & ~after.exact, right & ~after.default
    broken, apart = int((exact | default).sum()), int((exact != default).sum())
    low, high = wilson_interval(apart, broken)
    if broken == 0 or low <= TOLERATED:
        return ()
    only = int((exact & ~default).sum())
    left = tuple(percent(float(session.mean())) for session in (after.exact, after.default))
    message = (
        f"Of {broken} broken images {only} are so in the exact session alone and {apart - only} in a default one alone: "
        f"{left[0]} are left in the exact session, {left[1]} in a default one of this machine."
    )
    numbers = (
        Measurement("broken in one session alone", apart / broken, "fraction of broken images", broken, low, high),
        Measurement("broken in the exact session alone", only, "images", broken),
        Measurement("broken in a default session alone", apart - only, "images", broken),
    )
    return (Finding(RULE, message, RULE.severity, Confidence.HIGH, numbers),)


CHECK = Check("session-successes", (RULE,), no_trials, judge)
