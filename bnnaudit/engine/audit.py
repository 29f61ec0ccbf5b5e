"""Runs a whole audit: probes, trials, verification, judgement. What fails is recorded and what was done is kept."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.attacks import image_steps
from bnnaudit.core.batch import Batch
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import Report
from bnnaudit.core.trial import Source, Trial
from bnnaudit.engine.attached import attached
from bnnaudit.engine.binarization import binarization_images, measure_binarization
from bnnaudit.engine.climb_probe import measure_climb
from bnnaudit.engine.concluding import conclude
from bnnaudit.engine.default_session import measure_default
from bnnaudit.engine.journal import Journal, describe, recorded
from bnnaudit.engine.planning import (
    climb_units,
    planned_trials,
    planned_units,
    units_of_strength,
    why_not_runnable,
)
from bnnaudit.engine.probes import measure_agreement
from bnnaudit.engine.readout import NoReadoutError
from bnnaudit.engine.request import AuditRequest
from bnnaudit.engine.sample_fit import measure_fit
from bnnaudit.engine.signal import measure_signal
from bnnaudit.engine.suspecting import probed, suspecting
from bnnaudit.engine.trials import Bench, run_trial
from bnnaudit.engine.verification import verify
from bnnaudit.engine.views import ViewUnavailableError, view_of


def run_audit(request: AuditRequest, progress: Progress) -> Report:
    """The audit's report. Interruption (KeyboardInterrupt) and faults end in an undecided verdict, not in an exception."""
    target, plan = attached(request.target, request.images), request.plan
    progress.task("deployed model on clean images")
    scores = target.deployed(request.images)
    labels = scores.argmax(dim=1) if request.labels is None else request.labels
    clean = scores.argmax(dim=1) == labels
    sample = Batch(request.images, labels, request.ids).to(target.device)
    agreement = measure_agreement(target, sample.images, scores, plan.batch_size, sample.labels)
    bench = Bench(target, sample, clean.to(target.device), plan.seed, plan.batch_size)
    journal = Journal()
    try:
        with recorded(journal, "fit"):
            fit = measure_fit(target, request.images, scores.argmax(dim=1), request.labels, plan.batch_size)
            journal.probes = replace(journal.probes, fit=fit)
        with recorded(journal, "default-session"):
            journal.by_default = measure_default(target, request.images, scores)
        plan = suspecting(bench, plan, journal, progress)
        _measure(replace(request, target=target, plan=plan), bench, journal, progress)
    except KeyboardInterrupt:
        journal.interrupted = "the audit was interrupted"
    return conclude(replace(request, plan=plan), bench, agreement, journal)


def _measure(request: AuditRequest, bench: Bench, journal: Journal, progress: Progress) -> None:
    plan = request.plan
    images = int(bench.clean.sum())
    progress.plan(planned_units(plan, images))
    progress.task("signal propagation")
    with recorded(journal, "signal"):
        journal.signal = measure_signal(bench.target, bench.sample.select(bench.clean))
    progress.task("the ordinary attack step by step")
    with recorded(journal, "climb"):
        journal.probes = replace(journal.probes, climb=measure_climb(bench.target, probed(bench), plan))
    progress.advance(climb_units(plan, images))
    _test_strength(bench, plan, journal, progress)
    for trial in planned_trials(plan):
        why_not = why_not_runnable(trial)
        if why_not:
            journal.why_not[trial] = why_not
            continue
        progress.task(describe(trial))
        with recorded(journal, describe(trial), required=trial == plan.claim):
            bench = _prepared(request, bench, trial, journal, progress)
            _run(bench, trial, journal, progress)
    with recorded(journal, "verification", required=True):
        journal.verified = verify(bench, plan, journal, progress)


def _test_strength(bench: Bench, plan: AuditPlan, journal: Journal, progress: Progress) -> None:
    """The binarization test, unless the effort leaves it out; why it cannot be run is kept."""
    tested, units = min(binarization_images(plan), int(bench.clean.sum())), units_of_strength(plan)
    if tested == 0:
        return
    progress.task("binarization test")
    done: list[int] = []

    def on_image() -> None:
        if len(done) < tested:  # those beyond the effort's number were not planned
            done.append(units)
            progress.advance(units)

    with recorded(journal, "attack-strength"):
        try:
            test = measure_binarization(bench.target, probed(bench), plan, on_image)
            journal.probes = replace(journal.probes, binarization=test)
        except NoReadoutError as error:
            missing = (*journal.probes.missing, ("binarization", str(error)))
            journal.probes = replace(journal.probes, missing=missing)
    progress.advance(tested * units - sum(done))


def _prepared(request: AuditRequest, bench: Bench, trial: Trial, journal: Journal, progress: Progress) -> Bench:
    """The bench with the network that a trial climbs on, as far as it can be had; what cannot is entered as a reason."""
    source = trial.source
    if source is Source.SUBSTITUTE and bench.substitute is None:
        progress.task("substitute network for the transfer check")
        return replace(bench, substitute=request.make_substitute(bench.target))
    if source in (Source.WHITE_BOX, Source.SUBSTITUTE) or source in bench.views:
        return bench
    try:
        view = view_of(bench.target, source, request.plan, probed(bench))
    except ViewUnavailableError as error:
        journal.why_not[trial] = str(error)
        return bench
    return replace(bench, views={**bench.views, source: view})


def _run(bench: Bench, trial: Trial, journal: Journal, progress: Progress) -> None:
    """Runs a trial unless something stands in its way; the progress is told of the images that are spared."""
    images = int(bench.clean.sum())
    if trial in journal.why_not:
        progress.advance(images * image_steps(trial.attack))
        return
    before = None if trial.after is None else journal.results[trial.after]
    if before is not None:
        progress.advance((images - int(before.standing.sum())) * image_steps(trial.attack))
    result, _ = run_trial(bench, trial, on_progress=progress.advance, before=before)
    journal.results[trial] = result


__all__ = ["AuditRequest", "run_audit"]
