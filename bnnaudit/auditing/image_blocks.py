"""The results of blocks of the sample, whose images are attacked together, put together."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnnaudit.auditing.trials import Standing
from bnnaudit.auditing.verification import VerificationStep
from bnnaudit.core.auto_run import joined_parts
from bnnaudit.core.trial import Trial, TrialResult


@dataclass(slots=True)
class Attacked:
    """What the attacks of an audit left of the N images taken so far, all arrays in the order in which they were taken.

    rows (N,) int: their places in the sample. blocks: the images of each block. results: of the trials that ran on all of
    them. finished: whether the verification did.
    """

    rows: NDArray[np.int64]
    blocks: tuple[int, ...]
    results: dict[Trial, TrialResult] = field(default_factory=dict)
    verification: list[VerificationStep] = field(default_factory=list)
    finished: bool = False

    @property
    def standing(self) -> Standing | None:
        """What is right after everything; None where the verification did not finish."""
        return self.verification[-1].standing if self.finished else None

    def followed_by(self, block: Attacked) -> Attacked:
        """These images and then those of a further block; a trial that ran on one of the two alone has no result."""
        if not self.blocks:
            return block
        results = {
            trial: joined(self.results[trial], block.results[trial]) for trial in self.results if trial in block.results
        }
        steps = [joined(*pair) for pair in zip(self.verification, block.verification, strict=False)]
        rows, finished = np.concatenate([self.rows, block.rows]), self.finished and block.finished
        return Attacked(rows, (*self.blocks, *block.blocks), results, steps, finished)


def joined(first: Any, second: Any) -> Any:
    """A value of some images and that of others as one: arrays follow each other, numbers add up, and so on in each field.

    None where one of the two was not measured. Raises ValueError for results of two trials.
    """
    match first:
        case _ if first is None or second is None:
            return None
        case np.ndarray():
            return np.concatenate([first, second])
        case int() | float():
            return first + second
        case tuple():
            return joined_parts(first, second)
        case Trial() if first != second:
            raise ValueError(f"results of two trials cannot be joined: {first}, {second}")
        case Trial():
            return first
    names = [each.name for each in fields(first)]
    return replace(first, **{name: joined(getattr(first, name), getattr(second, name)) for name in names})
