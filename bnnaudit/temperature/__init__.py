"""Temperature rules: what b the logits are multiplied by, so that the attack's error signal neither dies nor saturates.

The table maps each rule to what builds it; a rule is fitted once on a calibration batch, then asked at the start of a
restart and at every step.

Which rule to take. Accuracy in % left by PGD-20 (cross-entropy, one start; triangular surrogate where there are sign
steps; 300 images, of traffic signs 150, of MNIST 200; successes replayed), and passes through the network beyond the attack's:

| network, threat | none | njs | hns-grid | hns | hns-sketch | hns-logit | tracked |
|---|---|---|---|---|---|---|---|
| digits BNN-WAQ, L-inf 0.1 | 79.7 | 17.7 | 19.0 | 20.0 | 19.7 | 18.3 | **15.7** |
| digits BNN-WAQ, L2 0.6 | 76.3 | **12.7** | 18.3 | 18.7 | 18.7 | 18.7 | 14.3 |
| digits BNN-WQ, L-inf 0.1 | 56.0 | 61.3 | 53.0 | 50.0 | 50.7 | 50.0 | **43.0** |
| digits BNN-WQ, L2 0.6 | 50.3 | 52.7 | 42.3 | 39.3 | 40.3 | 38.3 | **31.0** |
| digits float, L-inf 0.1 | 62.3 | 70.7 | 61.7 | 65.0 | 65.3 | 64.7 | **55.3** |
| digits float, L2 0.6 | 48.3 | 57.0 | 48.3 | 50.7 | 51.0 | 50.7 | **36.3** |
| digits float, adversarially trained, L-inf 0.2 | 79.7 | 82.3 | 80.0 | 80.0 | 80.3 | 80.3 | 79.7 |
| digits float, adversarially trained, L2 1.0 | 45.0 | 52.0 | 48.7 | 47.7 | 48.3 | 47.7 | **43.3** |
| traffic signs BNN (43 classes), L-inf 4/255 | 64.7 | 16.0 | 9.3 | 10.0 | 10.0 | 10.0 | **4.0** |
| traffic signs BNN, L2 0.8 | 64.7 | 5.3 | 3.3 | 4.0 | 4.0 | 4.0 | **1.3** |
| MNIST, 2 bits, L-inf 0.1 | 90.0 | 90.0 | 90.0 | 90.0 | 90.0 | 90.0 | 90.0 |
| MNIST, 2 bits, L2 1.5 | **79.0** | **79.0** | 79.5 | 80.0 | 80.0 | 80.0 | 79.5 |
| passes per image, once per restart | 0 | 0 | d | d | 8 | 0 | 0, at every step |

`tracked` costs no pass, and leaves least but for two rows: on the BNN-WAQ under L2 the smaller b of `njs` mixes more
competitors into the direction (1.6 points), and on MNIST under L2 no rule helps, nor does it cost more than an image. So
it is what the ++ methods use by default.

When the Jacobian matters. |log(b / b of hns)| in the median and at the 90th percentile, 100 images of each network at
its clean images, and of ResNet-18 (width 8) with random weights:

| network | hns-logit | hns-sketch |
|---|---|---|
| digits BNN-WAQ | 0.032, 0.073 | 0.052, 0.189 |
| digits BNN-WQ | 0.030, 0.111 | 0.037, 0.143 |
| digits float | 0.007, 0.019 | 0.022, 0.133 |
| digits float, adversarially trained | 0.057, 0.159 | 0.034, 0.114 |
| traffic signs BNN, 43 classes | 0.010, 0.021 | 0.044, 0.191 |
| MNIST, 2 bits | 0.013, 0.039 | 0.009, 0.057 |
| ResNet-18, 10, 100, 1,000 classes | 0.008, 0.013, 0.008 | 0.031, 0.027, 0.021 |

With one competitor J is only a factor of the norm, and b does not depend on it at all; with several close ones (the third
logit within a quarter of the gap of the second) the median grows by a tenth to a half, and stays below 0.06. More
classes do not matter, and b itself knows no threat: L-inf and L2 share it. No network was found on which the Jacobian's
part in b left fewer images than the logits alone. The sketch, though it knows something of J, is noisier than that: it
is for those who want `hns` itself at any number of classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.numerics.hessian_scaling import search_grid
from bnnaudit.temperature import hns, njs
from bnnaudit.temperature.bound import BoundTemperature
from bnnaudit.temperature.fixed import FixedTemperature
from bnnaudit.temperature.hns import ExactScaling, LogitScaling, SketchedScaling
from bnnaudit.temperature.rule import Temperature
from bnnaudit.temperature.tracked import TrackedTemperature

RULES: Mapping[BetaRule, Callable[[Beta, Target, Batch], Temperature]] = {
    BetaRule.NONE: lambda beta, target, calibration: FixedTemperature(1.0),
    BetaRule.FIXED: lambda beta, target, calibration: FixedTemperature(beta.value),
    BetaRule.NJS: njs.fit,
    BetaRule.HNS: hns.fit,
    BetaRule.HNS_GRID: lambda beta, target, calibration: ExactScaling(search_grid),
    BetaRule.HNS_SKETCH: lambda beta, target, calibration: SketchedScaling(),
    BetaRule.HNS_LOGIT: lambda beta, target, calibration: LogitScaling(),
    BetaRule.BOUND: lambda beta, target, calibration: BoundTemperature(beta.rho),
    BetaRule.TRACKED: lambda beta, target, calibration: TrackedTemperature(),
}


def fit_temperature(beta: Beta, target: Target, calibration: Batch) -> Temperature:
    """The rule `beta` for this target; `calibration` holds the images that a rule with one b for all estimates it on."""
    return RULES[beta.rule](beta, target, calibration)


__all__ = ["RULES", "Temperature", "fit_temperature"]
