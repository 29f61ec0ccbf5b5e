"""The sample in blocks: which images are attacked together, and their results put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.audit.trials import RunInputs
from bnnaudit.audit.verification import VerificationStep
from bnnaudit.core.auto_run import joined_parts
from bnnaudit.core.serving import Sessions
from bnnaudit.core.trial import Trial, TrialResult
from bnnaudit.data.sample import shuffled

Value = TypeVar("Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Attacked:
    """What the attacks of an audit left of the N images taken so far, all arrays in the order in which they were taken.

    rows (N,) int: their places in the sample. results: of the trials that ran on all of them. verified (N,) bool: right
    after everything; None where the verification did not finish. blocks: the images of each block. sessions: right after
    everything in each session, None where they are the same as well.
    """

    rows: NDArray[np.int64]
    results: Mapping[Trial, TrialResult] = field(default_factory=dict)
    verification: tuple[VerificationStep, ...] = ()
    verified: NDArray[np.bool_] | None = None
    blocks: tuple[int, ...] = ()
    sessions: Sessions | None = None

    def followed_by(self, block: Attacked) -> Attacked:
        """These images and then those of a further block; a trial that ran on one of the two alone has no result."""
        if not self.blocks:
            return block
        return Attacked(
            rows=np.concatenate([self.rows, block.rows]),
            results={
                trial: joined_results(result, block.results[trial])
                for trial, result in self.results.items()
                if trial in block.results
            },
            verification=tuple(
                VerificationStep(
                    joined_results(first.result, second.result),
                    np.concatenate([first.standing, second.standing]),
                    np.concatenate([first.standing_8bit, second.standing_8bit]),
                    joined_sessions(first.sessions, second.sessions),
                )
                for first, second in zip(self.verification, block.verification, strict=False)
            ),
            verified=_joined(self.verified, block.verified),
            blocks=(*self.blocks, *block.blocks),
            sessions=joined_sessions(self.sessions, block.sessions),
        )


def block_rows(samples: int, taken: int, total: int, seed: int) -> NDArray[np.int64]:
    """The places in the sample, rising, of the images from the `taken`-th up to the `total`-th in the order of a shuffle.

    A sample lies in the order of its data set, which may be sorted by class.
    """
    return np.sort(shuffled(samples, seed)[taken:total])


def inputs_of(inputs: RunInputs, rows: NDArray[np.int64]) -> RunInputs:
    """The inputs with these images of the sample alone; a temperature common to all is still fitted to the whole sample."""
    chosen = torch.from_numpy(rows).to(inputs.clean.device)
    sessions = inputs.sessions and Sessions(inputs.sessions.exact[rows], inputs.sessions.default[rows])
    return replace(
        inputs,
        sample=inputs.sample.select(chosen),
        clean=inputs.clean[chosen],
        calibration=inputs.fitted_on,
        sessions=sessions,
    )


def joined_results(first: TrialResult, second: TrialResult) -> TrialResult:
    """A trial on some images and then on others as one result; raises ValueError for results of two trials."""
    if first.trial != second.trial:
        raise ValueError(f"results of two trials cannot be joined: {first.trial}, {second.trial}")
    return replace(
        first,
        clean=np.concatenate([first.clean, second.clean]),
        fooled_at=np.concatenate([first.fooled_at, second.fooled_at]),
        seconds=first.seconds + second.seconds,
        forwards=first.forwards + second.forwards,
        backwards=first.backwards + second.backwards,
        replayed=first.replayed + second.replayed,
        replay_disagreements=first.replay_disagreements + second.replay_disagreements,
        fooled_8bit=_joined(first.fooled_8bit, second.fooled_8bit),
        parts=joined_parts(first.parts, second.parts),
        sessions=joined_sessions(first.sessions, second.sessions),
    )


def joined_sessions(first: Sessions | None, second: Sessions | None) -> Sessions | None:
    """Both together, None where the sessions are the same."""
    if first is None or second is None:
        return None
    exact, default = (first.exact, second.exact), (first.default, second.default)
    return Sessions(np.concatenate(exact), np.concatenate(default))


def _joined(first: NDArray[Value] | None, second: NDArray[Value] | None) -> NDArray[Value] | None:
    """Both together, None where one of them was not measured."""
    return None if first is None or second is None else np.concatenate([first, second])
