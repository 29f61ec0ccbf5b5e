"""An attack in an audit: its settings, its threat, and where its gradients come from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from bnnaudit.core.attack import AttackSettings
from bnnaudit.core.auto_run import Part
from bnnaudit.core.serving import Sessions
from bnnaudit.core.threat import Threat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Source(StrEnum):
    """The network whose gradients make the adversarial images; they are always judged on the audited model.

    Beside the model and a substitute these are cures, the model with one cause of failure taken away: `float64` is computed
    in double precision, `logarithm` has the logarithm taken of outputs that are probabilities, `averaged` has its logits
    averaged over noisy copies of the image, `bridged` passes the layers that block its gradient straight through, `rounded`
    returns the scores as the network's own quantizers round them, where all else climbs what those are given.
    """

    WHITE_BOX = "white-box"
    SUBSTITUTE = "substitute"
    FLOAT64 = "float64"
    LOGARITHM = "logarithm"
    AVERAGED = "averaged"
    BRIDGED = "bridged"
    ROUNDED = "rounded"


@dataclass(frozen=True, slots=True)
class Trial:
    """One attack to run on the sample: on all of it, or on the images that the trial `after` left standing.

    In the second case its result is that of both together, since an image counts as fooled if either fooled it.
    """

    attack: AttackSettings
    threat: Threat
    source: Source = Source.WHITE_BOX
    after: Trial | None = None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What a trial left, image by image, after replay on the deployed model.

    clean (N,) bool: classified correctly without attack. fooled_at (N,) int: steps taken before the success that replayed,
    -1 where the image is not fooled (or was misclassified to begin with). replayed: successes claimed by the differentiable
    copy and put before the deployed model; replay_disagreements: those that the deployed model got right all the same.
    fooled_8bit (N,) bool: fooled still, once the adversarial image is rounded towards the original to 8-bit pixels; None
    where that was not measured, since the images are no 8-bit pictures to begin with. parts: what a run of several attacks
    was made of, with the successes that replayed. sessions: what is right without attack and under it in each session of the
    deployed model, None where they are the same; an image that was not attacked is as it was without attack.
    """

    trial: Trial
    clean: NDArray[np.bool_]
    fooled_at: NDArray[np.int64]
    seconds: float
    forwards: int
    backwards: int
    replayed: int
    replay_disagreements: int
    fooled_8bit: NDArray[np.bool_] | None = None
    parts: tuple[Part, ...] = ()
    sessions: Sessions | None = None

    @property
    def standing(self) -> NDArray[np.bool_]:
        """(N,) bool: right without attack and still right under it."""
        return self.clean & (self.fooled_at < 0)

    @property
    def standing_8bit(self) -> NDArray[np.bool_] | None:
        """(N,) bool: right without attack and still right under what an 8-bit file keeps of it; None if not measured."""
        return None if self.fooled_8bit is None else self.clean & ~self.fooled_8bit

    def standing_after(self, steps: int) -> NDArray[np.bool_]:
        """(N,) bool: still right when the attack had stopped after `steps` steps (it never changes its step size)."""
        return self.clean & ((self.fooled_at < 0) | (self.fooled_at > steps))
