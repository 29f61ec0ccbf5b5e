"""Runs one attack of an audit on the whole sample, and replays what it claims."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from bnnaudit.attacks import run_attack
from bnnaudit.core.batch import Batch
from bnnaudit.core.outcome import Outcome
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial, TrialResult
from bnnaudit.engine.referee import fooled_as_8bit, replay


@dataclass(frozen=True, slots=True)
class Bench:
    """What trials run on: the target, the sample, which of it the deployed model gets right, and the substitute."""

    target: Target
    sample: Batch
    clean: torch.Tensor
    seed: int
    batch_size: int
    substitute: Target | None = None


def run_trial(
    bench: Bench,
    trial: Trial,
    among: torch.Tensor | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> tuple[TrialResult, Outcome]:
    """Attacks the correctly classified images (of those, `among` (N,) bool) and replays the successes.

    The outcome holds the attacked images only, in the order of the sample.
    """
    attacked = bench.clean if among is None else bench.clean & among
    rows = attacked.nonzero().squeeze(1)
    batch, calibration = bench.sample.select(rows), bench.sample.select(bench.clean.nonzero().squeeze(1))
    source = bench.target
    if trial.source is Source.SUBSTITUTE:
        if bench.substitute is None:
            raise LookupError("no substitute network")
        source = bench.substitute
    started = time.perf_counter()
    outcome = run_attack(
        trial.attack, source, batch, trial.threat, bench.seed, calibration, bench.batch_size, on_progress
    )
    confirmed = replay(bench.target, batch, trial.threat, outcome, bench.batch_size, trial.attack.l2_per_channel)
    seconds = time.perf_counter() - started
    kept = fooled_as_8bit(bench.target, batch, outcome.images, confirmed.fooled)
    fooled_at = np.full(len(bench.sample), -1, dtype=np.int64)
    hit = confirmed.fooled.cpu().numpy()
    # A transferred image may fool the target without having fooled its own network, which then knows no step.
    steps = np.where(outcome.fooled.cpu().numpy(), outcome.fooled_at.cpu().numpy(), trial.attack.steps)
    fooled_at[rows.cpu().numpy()[hit]] = steps[hit]
    fooled_8bit = None
    if kept is not None:
        fooled_8bit = np.zeros(len(bench.sample), dtype=np.bool_)
        fooled_8bit[rows.cpu().numpy()] = kept.cpu().numpy()
    result = TrialResult(
        trial=trial,
        clean=bench.clean.cpu().numpy(),
        fooled_at=fooled_at,
        seconds=seconds,
        forwards=outcome.cost.forwards,
        backwards=outcome.cost.backwards,
        replayed=confirmed.claimed,
        replay_disagreements=confirmed.disagreements,
        fooled_8bit=fooled_8bit,
    )
    return result, outcome
