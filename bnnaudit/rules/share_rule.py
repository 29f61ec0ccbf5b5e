"""Rules that hold a share of images against a threshold."""

from collections.abc import Callable
from typing import TypeVar

from bnnaudit.core.effort import Effort
from bnnaudit.core.evidence import Check, Evidence, Judged, no_trials
from bnnaudit.core.finding import Confidence, Finding, Measurement, Rule, Skip
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.probing import ClimbProbe, GradientProbe, NoiseProbe
from bnnaudit.core.trial import Trial
from bnnaudit.rules.comparison import in_percent

T = TypeVar("T")
TOLERATED = 0.05
"""Share of the probed images on which a symptom may show by accident. Not tuned."""


def share_rule(
    rule: Rule,
    check: str,
    *,
    of: Callable[[Evidence], T | str],
    share: Callable[[T], Measurement],
    message: Callable[[T, Measurement], str],
    numbers: Callable[[T, Measurement], tuple[Measurement, ...]] = lambda seen, counted: (counted,),
    above: float = TOLERATED,
    confidence: Confidence = Confidence.HIGH,
    trials: Callable[[AuditPlan], tuple[Trial, ...]] = no_trials,
    least: Effort = Effort.QUICK,
) -> Check:
    """Fires where the 95 % interval of a share lies above a threshold.

    of: what the share is counted on, or why that was not measured (the rule is skipped). message, numbers: of the finding.
    """

    def judge(evidence: Evidence) -> Judged:
        seen = of(evidence)
        if isinstance(seen, str):
            return (Skip(check, seen),)
        counted = share(seen)
        if not lies_above(counted, above):
            return ()
        return (Finding(rule, message(seen, counted), rule.severity, confidence, numbers(seen, counted)),)

    return Check(check, rule, judge, trials, least)


def lies_above(counted: Measurement, threshold: float) -> bool:
    """Whether the 95 % interval of a share lies above a threshold."""
    return counted.low is not None and counted.low > threshold


def share_threshold(share: str, above: float = TOLERATED) -> str:
    """The threshold of such a rule in words. share: `the share of unchanged images`."""
    return f"Fires when the 95 % interval of {share} lies above {in_percent(above)}."


def gradient_probe(evidence: Evidence) -> GradientProbe | str:
    """The probe of the input gradient, or why there is none."""
    return evidence.probes.gradient or evidence.probes.why_missing("gradient")


def noise_probe(evidence: Evidence) -> NoiseProbe | str:
    """The probe of the predictions under noise, or why there is none."""
    return evidence.probes.noise or evidence.probes.why_missing("noise")


def climb_probe(evidence: Evidence) -> ClimbProbe | str:
    """The probe of the loss along the attack, or why there is none."""
    return evidence.probes.climb or evidence.probes.why_missing("climb")
