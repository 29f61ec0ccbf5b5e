"""One model on its images: what tables and figures share is measured once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bnnaudit.auditing.prepare import Prepared
from bnnaudit.auditing.trials import run_trial
from bnnaudit.core.errors import UsageError, one_line
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import SignalTable
from bnnaudit.core.reproduction import Network
from bnnaudit.core.trial import Source, Trial, TrialResult
from bnnaudit.experiments.plan import Setup
from bnnaudit.measurements.propagation import measure_signal

NO_TWIN = "no float network of the same architecture and data is available to make the images on"


@dataclass(frozen=True, slots=True)
class Left:
    """What an attack left of the sample, or why it could not run."""

    result: TrialResult | None
    unable: str = ""

    def standing(self, after: int | None) -> NDArray[np.bool_] | None:
        """(N,) bool: right after so many steps, or after all; None where it could not run."""
        if self.result is None:
            return None
        return self.result.standing if after is None else self.result.standing_after(after)


@dataclass(slots=True)
class ModelRun:
    """A model, what is known of it, and the results so far.

    network: what it is in the paper's words. setup: the sizes of the attacks on it. twin: the name of the float network that
    transferred attacks are made on, which `prepared` then has; empty where there is none, for the reason `no_twin`.
    """

    prepared: Prepared
    network: Network
    setup: Setup
    progress: Progress
    twin: str = ""
    no_twin: str = NO_TWIN
    _left: dict[Trial, Left] = field(default_factory=dict)
    _signal: list[SignalTable | None] = field(default_factory=list)

    @property
    def clean(self) -> NDArray[np.bool_]:
        """(N,) bool: right without attack."""
        clean: NDArray[np.bool_] = self.prepared.clean.numpy()
        return clean

    def units(self, trials: Iterable[Trial]) -> int:
        """Units of progress of attacks, each counted once."""
        return int(self.clean.sum()) * sum(trial.attack.image_steps for trial in set(trials))

    def left(self, trial: Trial, name: str) -> Left:
        """What an attack leaves; it is run where it was not before."""
        if trial not in self._left:
            self.progress.task(name)
            self._left[trial] = self._run(trial)
        return self._left[trial]

    def _run(self, trial: Trial) -> Left:
        """A method that cannot run here (an extra that is not installed, a network that it does not take) says why."""
        if trial.source is Source.SUBSTITUTE and not self.twin:
            self.progress.advance(self.units([trial]))
            return Left(None, self.no_twin)
        done: list[int] = []

        def advance(units: int) -> None:
            done.append(units)
            self.progress.advance(units)

        try:
            result, _ = run_trial(self.prepared.inputs, trial, on_progress=advance)
        except UsageError as error:
            self.progress.advance(max(0, self.units([trial]) - sum(done)))
            return Left(None, one_line(error))
        return Left(result)

    def signal(self) -> SignalTable | None:
        """Signal propagation with its curves; None where no image is classified correctly."""
        if not self._signal:
            self.progress.task("signal propagation")
            self._signal.append(measure_signal(self.prepared.target, self.prepared.right, detailed=True))
        return self._signal[0]
