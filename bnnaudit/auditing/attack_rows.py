"""Turns results of trials into the rows and sweeps of a report."""

from __future__ import annotations

from collections.abc import Iterable

from bnnaudit.auditing.verdict import share
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
        accuracy=share(result.standing),
        seconds=result.seconds,
        forwards=result.forwards,
        backwards=result.backwards,
        replayed=result.replayed,
        replay_disagreements=result.replay_disagreements,
        role=role,
        accuracy_8bit=None if stored is None else share(stored),
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
    return SessionAccuracies(share(sessions.exact), share(sessions.default), sessions.between)


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
    plan, results = evidence.plan, evidence.results
    sweeps: list[Sweep] = []
    if plan.iteration_trial in results:
        longest = results[plan.iteration_trial]
        counts = [steps for steps in SWEEP_POINTS if steps <= longest.trial.attack.steps]
        points = [SweepPoint(steps, str(steps), share(longest.standing_after(steps))) for steps in counts]
        sweeps.append(Sweep("iterations", longest.trial.attack.name, tuple(points)))
    radii = [(trial.threat.eps, results[trial]) for trial in plan.radius_trials if trial in results]
    if radii:
        points = [SweepPoint(eps, length_text(eps), share(result.standing)) for eps, result in radii]
        clean = SweepPoint(0.0, "0", share(evidence.clean))
        sweeps.append(Sweep("radius", plan.ordinary.name, (clean, *points)))
    return tuple(sweeps)
