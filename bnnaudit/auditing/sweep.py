"""Runs one attack at several values of one setting, each success replayed on the deployed model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from bnnaudit.auditing.attack_rows import attack_row, session_accuracies
from bnnaudit.auditing.prepare import Prepared
from bnnaudit.auditing.report import bare_report
from bnnaudit.auditing.trials import Standing, run_trial
from bnnaudit.auditing.verdict import share
from bnnaudit.core.attack import AttackSettings, BetaRule, Method, options_of
from bnnaudit.core.errors import UsageError
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import AttackRow, Report, Sweep, SweepPoint
from bnnaudit.core.sweep import Parameter, sweep_name, trial_at, value_label
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import Trial


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """One attack, and the values of the setting that varies, in ascending order."""

    parameter: Parameter
    values: tuple[float, ...]
    attack: AttackSettings
    threat: Threat

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The attack at each value."""
        return tuple(trial_at(self.parameter, value, self.attack, self.threat) for value in self.values)

    @property
    def nested(self) -> bool:
        """Whether the first steps of a longer FGSM or PGD run are exactly those of a shorter one.

        A step does not depend on the number of steps, nor a restart on the number of restarts; but a targeted loss shares
        restarts out among its targets.
        """
        return self.attack.method in (Method.FGSM, Method.PGD) and not self.attack.loss.targeted

    @property
    def one_run(self) -> bool:
        """Whether all values can be read off the longest run: iterations of a single start."""
        return self.parameter is Parameter.ITERATIONS and self.nested and self.attack.restarts == 1

    def image_steps(self) -> int:
        """Units of progress for each image."""
        trials = self.trials[-1:] if self.one_run else self.trials
        return sum(trial.attack.image_steps for trial in trials)


def check_sweep(request: SweepRequest) -> None:
    """Raises UsageError where the attack does not have the setting, or it would undo what was asked for."""
    attack, parameter = request.attack, request.parameter
    if parameter.option is not None and parameter.option not in options_of(attack.method):
        raise UsageError(f"over: {attack.method} does not depend on {parameter}")
    if parameter in (Parameter.BETA, Parameter.RHO):
        allowed = (BetaRule.NONE, BetaRule.NJS) if parameter is Parameter.RHO else (BetaRule.NONE,)
        if attack.beta.rule not in allowed:
            raise UsageError(f"over: a sweep over {parameter} chooses b itself; leave out --beta {attack.beta}")


def run_sweep(
    prepared: Prepared,
    request: SweepRequest,
    provenance: Provenance,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """The sweep on every image that is classified correctly."""
    if request.one_run:
        result, _ = run_trial(prepared.inputs, request.trials[-1], on_progress=on_progress)
        rows = [attack_row(result)]
        standing = [result.standing_after(int(value)) for value in request.values]
    else:
        rows, standing = _one_by_one(prepared, request, on_progress)
    points = tuple(
        SweepPoint(value, value_label(request.parameter, value), share(left))
        for value, left in zip(request.values, standing, strict=True)
    )
    name = sweep_name(request.parameter, request.attack, request.trials)
    report = bare_report(prepared, request.threat, provenance)
    return replace(report, attacks=tuple(rows), sweeps=(Sweep(str(request.parameter), name, points),))


def _one_by_one(
    prepared: Prepared, request: SweepRequest, advance: Callable[[int], None]
) -> tuple[list[AttackRow], list[NDArray[np.bool_]]]:
    """A run for each value; nested restarts go on with the images that fewer of them left, which changes no result."""
    rows: list[AttackRow] = []
    standing: list[NDArray[np.bool_]] = []
    clean = prepared.clean.numpy()
    everything = left = Standing(clean, clean, prepared.inputs.sessions)
    for trial in request.trials:
        if not (request.parameter is Parameter.RESTARTS and request.nested):
            left = everything
        advance(int(clean.sum() - left.images.sum()) * trial.attack.image_steps)
        among = torch.from_numpy(left.images).to(prepared.inputs.clean.device)
        result, _ = run_trial(prepared.inputs, trial, among, advance)
        left = left.after(result)
        standing.append(left.images)
        row = attack_row(result)
        rows.append(replace(row, accuracy=share(left.images), sessions=session_accuracies(left.sessions)))
    return rows, standing
