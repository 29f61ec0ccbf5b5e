"""Turns results of trials into the rows and sweeps of a report."""

from __future__ import annotations

from collections.abc import Iterable

from bnnaudit.audit.verdict import estimate
from bnnaudit.core.attack import BetaRule
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.plan import SWEEP_POINTS
from bnnaudit.core.report import AttackRow, Serving, SessionAccuracies, Sweep, SweepPoint
from bnnaudit.core.serving import Sessions
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.threat import length_text
from bnnaudit.core.trial import Source, TrialResult


def attack_row(result: TrialResult, role: str = "") -> AttackRow:
    """One trial as a row; its accuracy counts misclassified images as wrong."""
    trial, stored = result.trial, result.standing_8bit
    return AttackRow(
        settings=trial.attack,
        threat=trial.threat,
        step_size=trial.attack.first_step(trial.threat),
        source=trial.source,
        accuracy=estimate(int(result.standing.sum()), len(result.standing)),
        seconds=result.seconds,
        forwards=result.forwards,
        backwards=result.backwards,
        replayed=result.replayed,
        replay_disagreements=result.replay_disagreements,
        role=role,
        accuracy_8bit=None if stored is None else estimate(int(stored.sum()), len(stored)),
        parts=result.parts,
        sessions=session_accuracies(result.sessions),
    )


def serving_of(target: Target, clean: Sessions | None) -> Serving | None:
    """Which sessions count and what they get right without attack, where they can differ."""
    accuracies = session_accuracies(clean)
    return None if accuracies is None else Serving(target.serve_as, accuracies)


def session_accuracies(sessions: Sessions | None) -> SessionAccuracies | None:
    """What each session gets right of the whole sample."""
    if sessions is None:
        return None
    exact, default = (estimate(int(right.sum()), len(right)) for right in (sessions.exact, sessions.default))
    return SessionAccuracies(exact, default, sessions.between)


def in_reading_order(rows: Iterable[AttackRow]) -> tuple[AttackRow, ...]:
    """Ordinary attacks first, then those with a temperature, one step before many; cures, searches, and transfer last."""
    return tuple(
        sorted(
            rows,
            key=lambda row: (
                row.source is Source.SUBSTITUTE,
                row.role == "remaining",
                list(Source).index(row.source),
                row.settings.beta.rule is not BetaRule.NONE,
                row.settings.steps,
                str(row.settings.surrogate) != str(SurrogateKind.IDENTITY),
            ),
        )
    )


def sweeps_of(evidence: Evidence) -> tuple[Sweep, ...]:
    """Accuracy against iterations and against the radius, as far as their attacks ran."""
    sweeps = (_iterations(evidence), _radius(evidence))
    return tuple(sweep for sweep in sweeps if sweep is not None)


def _iterations(evidence: Evidence) -> Sweep | None:
    result = evidence.results.get(evidence.plan.iteration_trial)
    if result is None:
        return None
    counts = [steps for steps in SWEEP_POINTS if steps <= result.trial.attack.steps]
    points = [
        SweepPoint(steps, str(steps), estimate(int(result.standing_after(steps).sum()), evidence.samples))
        for steps in counts
    ]
    return Sweep("iterations", result.trial.attack.name, tuple(points))


def _radius(evidence: Evidence) -> Sweep | None:
    results = [evidence.results.get(trial) for trial in evidence.plan.radius_trials]
    clean = SweepPoint(0.0, "0", estimate(int(evidence.clean.sum()), evidence.samples))
    points = [
        SweepPoint(
            result.trial.threat.eps,
            length_text(result.trial.threat.eps),
            estimate(int(result.standing.sum()), evidence.samples),
        )
        for result in results
        if result is not None
    ]
    if not points:
        return None
    return Sweep("radius", evidence.plan.ordinary.name, (clean, *points))
