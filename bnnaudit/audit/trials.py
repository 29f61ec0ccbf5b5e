"""Runs one attack of an audit on the whole sample, and replays what it claims."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.attacks.table import run_attack
from bnnaudit.audit.replay_check import Replay, fooled_as_8bit, replay
from bnnaudit.audit.second_attempts import MOST, improved, judged_as_deployed
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.serving import Sessions
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial, TrialResult


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What trials run on: the target, the sample, which of it the deployed model gets right, and the substitute.

    cured: the target with one cause of failing attacks taken away, for those that were made. calibration: correctly classified
    images to which a temperature common to all is fitted; the sample's own where it is None. sessions: what each session of the
    deployed model gets right, None where they are the same.
    """

    target: Target
    sample: Batch
    clean: torch.Tensor
    seed: int
    batch_size: int
    substitute: Target | None = None
    cured: Mapping[Source, Target] = field(default_factory=dict)
    calibration: Batch | None = None
    sessions: Sessions | None = None

    @property
    def fitted_on(self) -> Batch:
        """The images to which a temperature common to all is fitted."""
        return self.sample.select(self.clean.nonzero().squeeze(1)) if self.calibration is None else self.calibration

    def source(self, source: Source) -> Target:
        """The target whose gradients a trial follows; raises LookupError where it was not made."""
        if source is Source.WHITE_BOX:
            return self.target
        found = self.substitute if source is Source.SUBSTITUTE else self.cured.get(source)
        if found is None:
            raise LookupError(f"no {source} network")
        return found


def run_trial(
    inputs: RunInputs,
    trial: Trial,
    among: torch.Tensor | None = None,
    on_progress: Callable[[int], None] | None = None,
    before: TrialResult | None = None,
) -> tuple[TrialResult, Outcome]:
    """Attacks the correctly classified images (of those, `among` (N,) bool) and replays the successes.

    The outcome holds the attacked images only, in the order of the sample. `before`: the result of `trial.after`, whose
    successes are not attacked again and count as this one's too.
    """
    attacked = inputs.clean if among is None else inputs.clean & among
    if before is not None:
        attacked = attacked & torch.from_numpy(before.standing).to(attacked.device)
    rows = attacked.nonzero().squeeze(1)
    batch = inputs.sample.select(rows)
    started = time.perf_counter()
    outcome, confirmed = _attacked_and_replayed(inputs, trial, batch, on_progress)
    seconds = time.perf_counter() - started
    places = rows.cpu().numpy()
    result = TrialResult(
        trial=trial,
        clean=inputs.clean.cpu().numpy(),
        fooled_at=_fooled_at(inputs, trial, before, places, outcome, confirmed),
        seconds=seconds,
        forwards=outcome.cost.forwards,
        backwards=outcome.cost.backwards,
        replayed=int(confirmed.claimed.sum()),
        replay_disagreements=confirmed.disagreements,
        fooled_8bit=_fooled_8bit(
            inputs, before, places, fooled_as_8bit(inputs.target, batch, outcome.images, confirmed.fooled)
        ),
        parts=tuple(part.confirmed(batch.ids[confirmed.fooled].tolist()) for part in outcome.parts),
        sessions=_sessions(inputs, before, places, confirmed),
    )
    return result, outcome


def _attacked_and_replayed(
    inputs: RunInputs, trial: Trial, batch: Batch, on_progress: Callable[[int], None] | None
) -> tuple[Outcome, Replay]:
    """The attack on a batch, a second one on the few images whose success the deployed model does not confirm, and the replay."""
    source, calibration = inputs.source(trial.source), inputs.fitted_on
    climbed = _in_double(batch) if trial.source is Source.FLOAT64 else batch
    outcome = run_attack(
        trial.attack, source, climbed, trial.threat, inputs.seed, calibration, inputs.batch_size, on_progress
    )
    outcome = replace(outcome, images=outcome.images.to(batch.images.dtype))
    confirmed = replay(inputs.target, batch, trial.threat, outcome, inputs.batch_size)
    if trial.source is Source.WHITE_BOX and 0 < confirmed.disagreements <= MOST:
        outcome = _attempted_again(inputs, trial, batch, outcome, confirmed)
        confirmed = replay(inputs.target, batch, trial.threat, outcome, inputs.batch_size)
    return outcome, confirmed


def _attempted_again(inputs: RunInputs, trial: Trial, batch: Batch, first: Outcome, seen: Replay) -> Outcome:
    """The outcome after another attack, judged by the deployed model, on those that it did not confirm."""
    rows = (seen.claimed & ~seen.fooled).nonzero().squeeze(1)
    source = judged_as_deployed(inputs.target, batch.images)
    second = run_attack(
        trial.attack, source, batch.select(rows), trial.threat, inputs.seed, inputs.fitted_on, inputs.batch_size
    )
    return improved(first, second, rows)


def _fooled_at(
    inputs: RunInputs,
    trial: Trial,
    before: TrialResult | None,
    places: NDArray[np.int64],
    outcome: Outcome,
    confirmed: Replay,
) -> NDArray[np.int64]:
    """The step (N,) at which each image of the sample was fooled, -1 where none did, after an attack on those at `places`."""
    fooled_at = np.full(len(inputs.sample), -1, dtype=np.int64) if before is None else before.fooled_at.copy()
    hit = confirmed.fooled.cpu().numpy()
    # The target may be wrong where the network that was attacked is right, which then knows no step.
    steps = np.where(outcome.fooled.cpu().numpy(), outcome.fooled_at.cpu().numpy(), trial.attack.steps)
    fooled_at[places[hit]] = steps[hit]
    return fooled_at


def _fooled_8bit(
    inputs: RunInputs, before: TrialResult | None, places: NDArray[np.int64], kept: torch.Tensor | None
) -> NDArray[np.bool_] | None:
    """(N,) bool: images of the sample fooled by 8-bit files, given which of those at `places` are (M,) bool."""
    if kept is None:
        return None
    earlier = None if before is None else before.fooled_8bit
    fooled = np.zeros(len(inputs.sample), dtype=np.bool_) if earlier is None else earlier.copy()
    fooled[places] = kept.cpu().numpy()
    return fooled


def _sessions(
    inputs: RunInputs, before: TrialResult | None, places: NDArray[np.int64], confirmed: Replay
) -> Sessions | None:
    """What each session gets right of the whole sample after an attack on the images at `places` (M,)."""
    known = inputs.sessions if before is None else before.sessions
    if known is None or confirmed.standing is None:
        return None
    left = Sessions(known.exact.copy(), known.default.copy())
    left.exact[places] &= confirmed.standing.exact
    left.default[places] &= confirmed.standing.default
    return left


def _in_double(batch: Batch) -> Batch:
    return Batch(batch.images.double(), batch.labels, batch.ids)
