"""Runs an experiment of [Gupta & Ajanthan 2022] on a model: its rows, each success replayed on the deployed model."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bnnaudit.attacks.table import image_steps
from bnnaudit.audit.serving import answers_of, with_default_session
from bnnaudit.audit.threads import Threads, computing_with, threads_in_use
from bnnaudit.audit.trials import RunInputs, run_trial
from bnnaudit.audit.verdict import estimate
from bnnaudit.core.attack import AttackSettings, Beta, BetaRule
from bnnaudit.core.batch import Batch
from bnnaudit.core.clever import Ball, CleverSettings, usual_radii
from bnnaudit.core.errors import UsageError, one_line
from bnnaudit.core.progress import Progress
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Estimate, SignalRow
from bnnaudit.core.surrogate import STRAIGHT_THROUGH
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat, length_text
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.experiments.values import (
    AttackTable,
    CleverTable,
    Experiment,
    PropagationTable,
    RadiusFigure,
    ReproducedModel,
    ReproducedRow,
    kind_of,
)
from bnnaudit.measurements.clever import run_clever
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.measurements.zero_gradient import attached

BALLS = {Ball.L1: "L1", Ball.L2: "L2", Ball.LINF: "L-inf"}
SCALINGS = ("as it is", "NJS", "HNS")


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, its images, and how it is attacked: `threats` are several only for a figure over radii."""

    target: Target
    sample: Sample
    threats: tuple[Threat, ...]
    seed: int
    batch_size: int
    threads: Threads | None = None


def planned_units(experiment: Experiment, images: int, radii: int) -> int:
    """Units of progress of one model, all images being classified correctly."""
    match experiment:
        case AttackTable():
            return images * sum(image_steps(line.settings) for line in experiment.lines)
        case CleverTable():
            return images * len(Ball)
        case PropagationTable():
            return images
        case RadiusFigure():
            return images * radii * sum(image_steps(settings) for settings in experiment.attacks)
        case _:
            assert_never(experiment)


def reproduce_on(experiment: Experiment, subject: Subject, progress: Progress) -> ReproducedModel:
    """The experiment's rows on one model.

    A row whose attack cannot run here (an extra that is not installed, a network that the method does not take) says why.
    """
    with computing_with(subject.threads or threads_in_use()):
        return _reproduced(experiment, subject, progress)


def _reproduced(experiment: Experiment, subject: Subject, progress: Progress) -> ReproducedModel:
    inputs = inputs_of(subject)
    match experiment:
        case AttackTable():
            return _attacked(experiment, subject, inputs, progress)
        case CleverTable():
            return _scored(experiment, subject, inputs, progress)
        case PropagationTable():
            return _probed(experiment, subject, inputs, progress)
        case RadiusFigure():
            return _swept(experiment, subject, inputs, progress)
        case _:
            assert_never(experiment)


def inputs_of(subject: Subject) -> RunInputs:
    """What all rows of a model run on."""
    (target, _), sample = with_default_session(subject.target), subject.sample
    target = attached(target, sample.images)
    answers = answers_of(target, sample.images)
    labels = answers.shown if sample.labels is None else sample.labels
    batch = Batch(sample.images, labels, sample.ids).to(target.device)
    return RunInputs(target, batch, answers.right(labels).to(target.device), subject.seed, subject.batch_size)


def _model(
    subject: Subject,
    inputs: RunInputs,
    columns: Sequence[str],
    paper_columns: Sequence[str],
    rows: Sequence[ReproducedRow],
    threat: Threat | None = None,
) -> ReproducedModel:
    facts = subject.target.facts
    return ReproducedModel(
        model=facts,
        data=subject.sample.facts,
        threat=threat,
        kind=kind_of(facts),
        clean_accuracy=estimate(int(inputs.clean.sum()), len(inputs.clean)),
        columns=tuple(columns),
        paper_columns=tuple(paper_columns),
        rows=tuple(rows),
    )


def _attacked(table: AttackTable, subject: Subject, inputs: RunInputs, progress: Progress) -> ReproducedModel:
    kind = kind_of(subject.target.facts)
    chosen = [index for index, column in enumerate(table.columns) if column.kind is kind]
    rows = []
    for line in table.lines:
        if line.settings.surrogate != STRAIGHT_THROUGH and not subject.target.facts.quantizers:
            # Without steps a surrogate changes nothing: the row would be there twice.
            progress.advance(int(inputs.clean.sum()) * image_steps(line.settings))
            continue
        row = attacked_row(line.settings, inputs, subject.threats[:1], progress)
        rows.append(replace(row, paper=tuple(line.paper[index] for index in chosen)))
    titles = [table.columns[index].title for index in chosen]
    return _model(subject, inputs, ("accuracy",), titles, rows, subject.threats[0])


def _swept(figure: RadiusFigure, subject: Subject, inputs: RunInputs, progress: Progress) -> ReproducedModel:
    rows = [attacked_row(settings, inputs, subject.threats, progress) for settings in figure.attacks]
    return _model(
        subject, inputs, [length_text(threat.eps) for threat in subject.threats], (), rows, subject.threats[0]
    )


def attacked_row(
    settings: AttackSettings, inputs: RunInputs, threats: Sequence[Threat], progress: Progress
) -> ReproducedRow:
    """The accuracy that an attack leaves at each radius, or why it cannot run."""
    progress.task(f"{settings.name} {settings.loss if settings.method.climbs else ''}".strip())
    units = int(inputs.clean.sum()) * image_steps(settings) * len(threats)
    done = _Told(progress.advance)
    started = time.perf_counter()
    cells: list[Estimate] = []
    try:
        for threat in threats:
            result, _ = run_trial(inputs, Trial(settings, threat), on_progress=done)
            cells.append(estimate(int(result.standing.sum()), len(result.standing)))
    except UsageError as error:
        progress.advance(max(0, units - done.units))
        return ReproducedRow(settings.name, (), (), settings=settings, unable=one_line(error))
    return ReproducedRow(settings.name, tuple(cells), (), time.perf_counter() - started, settings)


class _Told:
    """Passes progress on and remembers how much."""

    def __init__(self, advance: Callable[[int], None]) -> None:
        self._advance, self.units = advance, 0

    def __call__(self, units: int) -> None:
        self.units += units
        self._advance(units)


def _scored(table: CleverTable, subject: Subject, inputs: RunInputs, progress: Progress) -> ReproducedModel:
    progress.task("CLEVER scores")
    facts = subject.target.facts
    kind = kind_of(facts)
    settings = CleverSettings(
        betas=tuple(line.beta for line in table.lines),
        radii=usual_radii(subject.sample.images[0].numel()),
        batches=table.batches,
        draws=table.draws,
        targets=facts.num_classes - 1,
    )
    straight = AttackSettings().surrogate
    made = Provenance("", "", "")
    report = run_clever(
        subject.target, subject.sample, settings, straight, subject.seed, subject.batch_size, made, progress.advance
    )
    rows = [
        ReproducedRow(
            label=_rule_label(line.beta),
            cells=tuple(found.scores[ball].mean for ball in Ball),
            paper=() if kind is None or kind not in line.paper else (line.paper[kind],),
        )
        for line, found in zip(table.lines, report.rows[1:], strict=True)
    ]
    known = any(row.paper for row in rows)
    return _model(subject, inputs, [BALLS[ball] for ball in Ball], ("L1",) if known else (), rows)


def _rule_label(beta: Beta) -> str:
    match beta.rule:
        case BetaRule.NONE:
            return "as it is"
        case BetaRule.FIXED:
            return f"b = {beta}"
        case _:
            return str(beta).upper()


def _probed(table: PropagationTable, subject: Subject, inputs: RunInputs, progress: Progress) -> ReproducedModel:
    progress.task("signal propagation")
    kind = kind_of(subject.target.facts)
    signal = measure_signal(inputs.target, inputs.sample.select(inputs.clean))
    progress.advance(len(inputs.sample))
    found: tuple[SignalRow, ...] = () if signal is None else (signal.original, signal.njs, signal.hns)
    rows = [
        ReproducedRow(
            label=line.label,
            cells=tuple(float(getattr(row, line.quantity)) for row in found),
            paper=() if kind is None else line.paper.get(kind, ()),
            unable="" if found else "no image is classified correctly",
        )
        for line in table.lines
    ]
    known = any(row.paper for row in rows)
    return _model(subject, inputs, SCALINGS, SCALINGS if known else (), rows)
