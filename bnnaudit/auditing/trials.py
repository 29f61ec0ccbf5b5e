"""Runs one attack of an audit on the whole sample, and replays what it claims."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.attacks.table import run_attack
from bnnaudit.auditing.counterexamples import Counterexamples
from bnnaudit.auditing.replay_check import Replay, fooled_as_8bit, replay
from bnnaudit.auditing.second_attempts import MOST, improved, judged_as_deployed
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.serving import Sessions
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial, TrialResult


@dataclass(frozen=True, slots=True)
class RunInputs:
    """What trials run on: the target, the sample, which of it the deployed model gets right, and other networks to climb.

    climbed: a substitute and the target with one cause of failing attacks taken away, as far as they were made. calibration:
    correctly classified images to which a temperature common to all is fitted; the sample's own where it is None. sessions:
    what each session of the deployed model gets right, None where they are the same. counterexamples: what takes the images
    that fooled the deployed model, None where nobody asks for them.
    """

    target: Target
    sample: Batch
    clean: torch.Tensor
    seed: int
    batch_size: int
    climbed: Mapping[Source, Target] = field(default_factory=dict)
    calibration: Batch | None = None
    sessions: Sessions | None = None
    counterexamples: Counterexamples | None = None

    @property
    def fitted_on(self) -> Batch:
        """The images to which a temperature common to all is fitted."""
        return self.sample.select(self.clean.nonzero().squeeze(1)) if self.calibration is None else self.calibration

    def source(self, source: Source) -> Target:
        """The target whose gradients a trial follows; raises LookupError where it was not made."""
        if source is Source.WHITE_BOX:
            return self.target
        if source not in self.climbed:
            raise LookupError(f"no {source} network")
        return self.climbed[source]

    def on(self, rows: NDArray[np.int64]) -> RunInputs:
        """The same with these images of the sample alone; a temperature common to all is still fitted to the whole sample."""
        chosen = torch.from_numpy(rows).to(self.clean.device)
        sessions = self.sessions and Sessions(self.sessions.exact[rows], self.sessions.default[rows])
        sample, clean = self.sample.select(chosen), self.clean[chosen]
        return replace(self, sample=sample, clean=clean, calibration=self.fitted_on, sessions=sessions)

    def with_source(self, source: Source, network: Target) -> RunInputs:
        """The same with one more network to climb."""
        return replace(self, climbed={**self.climbed, source: network})


@dataclass(frozen=True, slots=True)
class Standing:
    """Images (N,) bool that are right after some attacks, and those that no 8-bit file of theirs fools.

    sessions: right after them in each session, None where they are the same.
    """

    images: NDArray[np.bool_]
    stored: NDArray[np.bool_]
    sessions: Sessions | None

    def after(self, result: TrialResult) -> Standing:
        """What is left after one more; all that were right count as stored where it was not measured of its images."""
        stored = result.clean if result.standing_8bit is None else result.standing_8bit
        sessions = self.sessions and result.sessions and self.sessions & result.sessions
        return Standing(self.images & result.standing, self.stored & stored, sessions)


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
    places, hit = rows.cpu().numpy(), confirmed.fooled.cpu().numpy()
    fooled_at = np.full(len(inputs.sample), -1, dtype=np.int64) if before is None else before.fooled_at.copy()
    # The target may be wrong where the network that was attacked is right, which then knows no step.
    steps = np.where(outcome.fooled.cpu().numpy(), outcome.fooled_at.cpu().numpy(), trial.attack.steps)
    fooled_at[places[hit]] = steps[hit]
    result = TrialResult(
        trial=trial,
        clean=inputs.clean.cpu().numpy(),
        fooled_at=fooled_at,
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
    if inputs.counterexamples is not None:
        inputs.counterexamples.add(trial, batch, outcome.images, confirmed)
    return result, outcome


def _attacked_and_replayed(
    inputs: RunInputs, trial: Trial, batch: Batch, on_progress: Callable[[int], None] | None
) -> tuple[Outcome, Replay]:
    """The attack on a batch, and the replay.

    The few images whose success the deployed model does not confirm are attacked again, with that model as the judge.
    """
    climbed = replace(batch, images=batch.images.double()) if trial.source is Source.FLOAT64 else batch
    run = partial(
        run_attack, threat=trial.threat, seed=inputs.seed, calibration=inputs.fitted_on, batch_size=inputs.batch_size
    )
    confirm = partial(replay, inputs.target, batch, trial.threat, batch_size=inputs.batch_size)
    outcome = run(trial.attack, inputs.source(trial.source), climbed, on_progress=on_progress)
    outcome = replace(outcome, images=outcome.images.to(batch.images.dtype))
    confirmed = confirm(outcome)
    if trial.source is Source.WHITE_BOX and 0 < confirmed.disagreements <= MOST:
        rows = (confirmed.claimed & ~confirmed.fooled).nonzero().squeeze(1)
        second = run(trial.attack, judged_as_deployed(inputs.target, batch.images), batch.select(rows))
        outcome = improved(outcome, second, rows)
        confirmed = confirm(outcome)
    return outcome, confirmed


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
