"""Runs an experiment of [Gupta & Ajanthan 2022] on a model: its rows, each success replayed on the deployed model."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bnnaudit.auditing.clever import clever_rows
from bnnaudit.auditing.prepare import Prepared, prepare
from bnnaudit.auditing.threads import Threads
from bnnaudit.auditing.trials import RunInputs, run_trial
from bnnaudit.auditing.verdict import share
from bnnaudit.core.attack import AttackSettings, Pgd
from bnnaudit.core.clever import BALLS, Ball, CleverSettings, usual_radii
from bnnaudit.core.errors import UsageError, one_line
from bnnaudit.core.estimate import Estimate
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import SCALINGS, SignalRow
from bnnaudit.core.surrogate import STRAIGHT_THROUGH
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Threat, length_text
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.experiments.claims import claims_of
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
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.numerics.threads import working_threads


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
            return images * sum(line.settings.image_steps for line in experiment.lines)
        case CleverTable():
            return images * len(Ball)
        case PropagationTable():
            return images
        case RadiusFigure():
            return images * radii * sum(settings.image_steps for settings in experiment.attacks)
        case _:
            assert_never(experiment)


def reproduce_on(experiment: Experiment, subject: Subject, progress: Progress) -> ReproducedModel:
    """The experiment's rows on one model.

    A row whose attack cannot run here (an extra that is not installed, a network that the method does not take) says why.
    """
    with working_threads(subject.threads.count if subject.threads else None):
        prepared = prepare(subject.target, subject.sample, subject.seed, subject.batch_size)
        match experiment:
            case AttackTable():
                model = _attacked(experiment, subject, prepared, progress)
            case CleverTable():
                model = _scored(experiment, prepared, progress)
            case PropagationTable():
                model = _probed(experiment, prepared, progress)
            case RadiusFigure():
                model = _swept(experiment, subject, prepared, progress)
            case _:
                assert_never(experiment)
    return replace(model, claims=claims_of(experiment, model))


def _model(
    prepared: Prepared,
    columns: Sequence[str],
    paper_columns: Sequence[str],
    rows: Sequence[ReproducedRow],
    threat: Threat | None = None,
) -> ReproducedModel:
    facts = prepared.target.facts
    return ReproducedModel(
        model=facts,
        data=prepared.sample.facts,
        threat=threat,
        kind=kind_of(facts),
        clean_accuracy=share(prepared.clean.numpy()),
        columns=tuple(columns),
        paper_columns=tuple(paper_columns),
        rows=tuple(rows),
    )


def _attacked(table: AttackTable, subject: Subject, prepared: Prepared, progress: Progress) -> ReproducedModel:
    kind = kind_of(subject.target.facts)
    chosen = [index for index, column in enumerate(table.columns) if column.kind is kind]
    rows = []
    for line in table.lines:
        if line.settings.surrogate != STRAIGHT_THROUGH and not subject.target.facts.quantizers:
            # Without steps a surrogate changes nothing: the row would be there twice.
            progress.advance(int(prepared.clean.sum()) * line.settings.image_steps)
            continue
        row = attacked_row(line.settings, prepared.inputs, subject.threats[:1], progress)
        rows.append(replace(row, paper=tuple(line.paper[index] for index in chosen)))
    titles = [table.columns[index].title for index in chosen]
    return _model(prepared, ("accuracy",), titles, rows, subject.threats[0])


def _swept(figure: RadiusFigure, subject: Subject, prepared: Prepared, progress: Progress) -> ReproducedModel:
    rows = [attacked_row(settings, prepared.inputs, subject.threats, progress) for settings in figure.attacks]
    return _model(prepared, [length_text(threat.eps) for threat in subject.threats], (), rows, subject.threats[0])


def attacked_row(
    settings: AttackSettings, inputs: RunInputs, threats: Sequence[Threat], progress: Progress
) -> ReproducedRow:
    """The accuracy that an attack leaves at each radius, or why it cannot run."""
    progress.task(f"{settings.name} {settings.loss if settings.method.climbs else ''}".strip())
    units = int(inputs.clean.sum()) * settings.image_steps * len(threats)
    done: list[int] = []

    def advance(units: int) -> None:
        done.append(units)
        progress.advance(units)

    started = time.perf_counter()
    cells: list[Estimate] = []
    standing: list[tuple[bool, ...]] = []
    try:
        for threat in threats:
            result, _ = run_trial(inputs, Trial(settings, threat), on_progress=advance)
            cells.append(share(result.standing))
            standing.append(tuple(result.standing.tolist()))
    except UsageError as error:
        progress.advance(max(0, units - sum(done)))
        return ReproducedRow(settings.name, (), (), settings=settings, unable=one_line(error))
    seconds = time.perf_counter() - started
    return ReproducedRow(settings.name, tuple(cells), (), seconds, settings, standing=tuple(standing))


def _scored(table: CleverTable, prepared: Prepared, progress: Progress) -> ReproducedModel:
    progress.task("CLEVER scores")
    facts = prepared.target.facts
    kind = kind_of(facts)
    settings = CleverSettings(
        betas=tuple(line.beta for line in table.lines),
        radii=usual_radii(prepared.sample.images[0].numel()),
        batches=table.batches,
        draws=table.draws,
        targets=facts.num_classes - 1,
    )
    scored = clever_rows(prepared, settings, Pgd().surrogate, progress.advance)
    rows = [
        ReproducedRow(
            label=line.label,
            cells=tuple(found.scores[ball].mean for ball in Ball),
            paper=() if kind is None or kind not in line.paper else (line.paper[kind],),
        )
        for line, found in zip(table.lines, scored[1:], strict=True)
    ]
    known = any(row.paper for row in rows)
    return _model(prepared, [BALLS[ball] for ball in Ball], ("L1",) if known else (), rows)


def _probed(table: PropagationTable, prepared: Prepared, progress: Progress) -> ReproducedModel:
    progress.task("signal propagation")
    kind = kind_of(prepared.target.facts)
    signal = measure_signal(prepared.target, prepared.right)
    progress.advance(len(prepared.labels))
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
    titles = tuple(SCALINGS.values())
    return _model(prepared, titles, titles if known else (), rows)
