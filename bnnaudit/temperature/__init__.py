"""Temperature rules: what b the logits are multiplied by, so that the attack's error signal neither dies nor saturates.

The table maps each rule to what builds it; a rule is fitted once on a calibration batch, then asked at the start of a
restart and at every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.temperature import fixed, hns, njs, tracked
from bnnaudit.temperature.rule import Temperature

RULES: Mapping[BetaRule, Callable[[Beta, Target, Batch], Temperature]] = {
    BetaRule.NONE: fixed.fit,
    BetaRule.FIXED: fixed.fit,
    BetaRule.NJS: njs.fit,
    BetaRule.HNS: hns.fit_fine,
    BetaRule.HNS_GRID: hns.fit_grid,
    BetaRule.HNS_SKETCH: hns.fit_sketch,
    BetaRule.HNS_LOGIT: hns.fit_logit,
    BetaRule.TRACKED: tracked.fit,
}


def fit_temperature(beta: Beta, target: Target, calibration: Batch) -> Temperature:
    """The rule `beta` for this target; `calibration` holds the images that a rule with one b for all estimates it on."""
    return RULES[beta.rule](beta, target, calibration)


__all__ = ["RULES", "Temperature", "fit_temperature"]
