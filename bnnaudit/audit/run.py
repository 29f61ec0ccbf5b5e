"""Runs a whole audit: probes, trials, verification, judgement. What fails is recorded and what was done is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.audit.blocks import Attacked, block_rows, inputs_of
from bnnaudit.audit.journal import Journal, describe, faults_into
from bnnaudit.audit.plan import climb_units, planned_trials, planned_units, units_of_strength, why_unrunnable
from bnnaudit.audit.report import conclude, evidence_of, report_of
from bnnaudit.audit.request import AuditRequest
from bnnaudit.audit.serving import answers_of, with_default_session
from bnnaudit.audit.stopping import is_decided, next_total, tally_of
from bnnaudit.audit.suspicions import probed, with_suspicions
from bnnaudit.audit.threads import computing_with, threads_in_use
from bnnaudit.audit.trials import RunInputs, run_trial
from bnnaudit.audit.verification import VerificationStep, verify
from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement, Evidence
from bnnaudit.core.finding import Fault
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import Report
from bnnaudit.core.trial import Source, Trial, TrialResult
from bnnaudit.measurements.agreement import measure_agreement
from bnnaudit.measurements.attack_strength import binarization_images, measure_binarization
from bnnaudit.measurements.climb import measure_climb
from bnnaudit.measurements.cured_models import CureUnavailableError, cured_model
from bnnaudit.measurements.default_session import measure_default
from bnnaudit.measurements.last_layer import NoReadoutError
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.measurements.sample_fit import measure_fit
from bnnaudit.measurements.zero_gradient import attached

BROKEN = "the attack broke off; the faults tell why"


def run_audit(request: AuditRequest, progress: Progress) -> Report:
    """The audit's report. Interruption (KeyboardInterrupt) and faults end in an undecided verdict, not in an exception."""
    with computing_with(request.threads or threads_in_use()):
        return _audited(request, progress)


def _audited(request: AuditRequest, progress: Progress) -> Report:
    journal, plan = Journal(), request.plan
    target, missing = with_default_session(attached(request.target, request.images))
    if missing:
        journal.faults.append(Fault("default-session", missing))
    progress.task("deployed model on clean images")
    scores = target.deployed(request.images)
    answers = answers_of(target, request.images, scores)
    labels = answers.shown if request.labels is None else request.labels
    clean = answers.right(labels).to(target.device)
    sample = Batch(request.images, labels, request.ids).to(target.device)
    agreement = measure_agreement(target, sample.images, scores, plan.batch_size, sample.labels)
    views = {} if target.rounded is None else {Source.ROUNDED: replace(target, network=target.rounded)}
    sessions = answers.sessions(labels)
    inputs = RunInputs(target, sample, clean, plan.seed, plan.batch_size, views=views, sessions=sessions)
    audit = _Audit(replace(request, target=target), inputs, agreement, journal, progress)
    try:
        with faults_into(journal, "fit"):
            fit = measure_fit(target, request.images, scores.argmax(dim=1), request.labels, plan.batch_size)
            journal.probes = replace(journal.probes, fit=fit)
        with faults_into(journal, "default-session"):
            journal.default_session = measure_default(target, request.images, scores)
        audit.plan = with_suspicions(inputs, plan, journal, progress)
        audit.probe()
        audit.attack()
    except KeyboardInterrupt:
        journal.interrupted = "the audit was interrupted"
    return audit.report()


@dataclass(slots=True)
class _Audit:
    """An audit under way: probes of the whole sample, then attacks on it block by block until the verdict is decided."""

    request: AuditRequest
    inputs: RunInputs
    agreement: Agreement
    journal: Journal
    progress: Progress
    attacked: Attacked = field(default_factory=lambda: Attacked(np.zeros(0, dtype=np.int64)))

    @property
    def plan(self) -> AuditPlan:
        return self.request.plan

    @plan.setter
    def plan(self, plan: AuditPlan) -> None:
        self.request = replace(self.request, plan=plan)

    def probe(self) -> None:
        """What is measured beside attacks, on the first correctly classified images of the sample."""
        inputs, plan, journal = self.inputs, self.plan, self.journal
        clean = int(inputs.clean.sum())
        self.progress.plan(planned_units(plan, clean))
        self.progress.task("signal propagation")
        with faults_into(journal, "signal"):
            journal.signal = measure_signal(inputs.target, inputs.sample.select(inputs.clean))
        self.progress.task("the ordinary attack step by step")
        with faults_into(journal, "climb"):
            journal.probes = replace(journal.probes, climb=measure_climb(inputs.target, probed(inputs), plan))
        self.progress.advance(climb_units(plan, clean))
        _test_strength(inputs, plan, journal, self.progress)

    def attack(self) -> None:
        """Attacks blocks of images until more of them could not change the verdict."""
        available, tally = len(self.inputs.sample), None
        while (taken := len(self.attacked.rows)) < available:
            total = available if self.plan.all_images else next_total(tally, taken, available)
            rows = block_rows(available, taken, total, self.plan.seed)
            self._attack_block(rows)
            evidence = self._evidence()
            conclusion = conclude(evidence, self.journal)
            tally = tally_of(evidence)
            if evidence.verified is None or is_decided(conclusion.verdict.status, conclusion.judgement.findings, tally):
                return

    def report(self) -> Report:
        """The report of what has been attacked so far."""
        evidence = self._evidence()
        return report_of(self.request, evidence, self.journal, self.attacked, self.inputs)

    def _evidence(self) -> Evidence:
        return evidence_of(self.request, self.inputs, self.agreement, self.journal, self.attacked)

    def _attack_block(self, rows: NDArray[np.int64]) -> None:
        """All trials and the verification on some rows of the sample.

        Where it is interrupted in the first block, what was finished is kept; a later one is then left out, since its images
        have not been through all attacks.
        """
        counted = np.concatenate([self.attacked.rows, rows])
        clean = self.inputs.clean.cpu().numpy()
        self.progress.plan(planned_units(self.plan, int(clean[counted].sum()), int(clean.sum())))
        found = _Found()
        try:
            self._run_trials(rows, found)
        except KeyboardInterrupt:
            if self.attacked.blocks:
                raise
            self.attacked = found.on(rows)
            raise
        self.attacked = self.attacked.followed_by(found.on(rows))

    def _run_trials(self, rows: NDArray[np.int64], found: _Found) -> None:
        plan, journal, progress = self.plan, self.journal, self.progress
        for trial in planned_trials(plan):
            unrunnable = why_unrunnable(trial)
            if unrunnable:
                journal.unrunnable[trial] = unrunnable
                continue
            progress.task(describe(trial))
            with faults_into(journal, describe(trial), required=trial == plan.claim):
                self._run_trial(trial, rows, found)
            if trial not in found.results:
                journal.unrunnable.setdefault(trial, BROKEN)
        with faults_into(journal, "verification", required=True):
            for step in verify(inputs_of(self.inputs, rows), plan, found.results.values(), progress):
                found.verification.append(step)
            found.finished = True

    def _run_trial(self, trial: Trial, rows: NDArray[np.int64], found: _Found) -> None:
        """Unless something stands in its way, or did on an earlier block; the progress is told of images that are spared."""
        if trial not in self.journal.unrunnable:
            self.inputs = _prepared(self.request, self.inputs, trial, self.journal, self.progress)
        inputs = inputs_of(self.inputs, rows)
        spared, before = 0, None
        if trial in self.journal.unrunnable:
            spared = int(inputs.clean.sum())
        elif trial.after is not None:
            before = found.results[trial.after]
            spared = int(inputs.clean.sum()) - int(before.standing.sum())
        self.progress.advance(spared * trial.attack.image_steps)
        if trial not in self.journal.unrunnable:
            found.results[trial], _ = run_trial(inputs, trial, on_progress=self.progress.advance, before=before)


@dataclass(slots=True)
class _Found:
    """What the attacks on one block have found so far."""

    results: dict[Trial, TrialResult] = field(default_factory=dict)
    verification: list[VerificationStep] = field(default_factory=list)
    finished: bool = False

    def on(self, rows: NDArray[np.int64]) -> Attacked:
        """As the results on these rows of the sample."""
        last = self.verification[-1] if self.finished else None
        verified, sessions = (None, None) if last is None else (last.standing, last.sessions)
        return Attacked(rows, self.results, tuple(self.verification), verified, (len(rows),), sessions)


def _test_strength(inputs: RunInputs, plan: AuditPlan, journal: Journal, progress: Progress) -> None:
    """The binarization test, unless the effort leaves it out; why it cannot be run is kept."""
    tested, units = min(binarization_images(plan), int(inputs.clean.sum())), units_of_strength(plan)
    if tested == 0:
        return
    progress.task("binarization test")
    done: list[int] = []

    def on_image() -> None:
        if len(done) < tested:  # those beyond the effort's number were not planned
            done.append(units)
            progress.advance(units)

    with faults_into(journal, "attack-strength"):
        try:
            test = measure_binarization(inputs.target, probed(inputs), plan, on_image)
            journal.probes = replace(journal.probes, binarization=test)
        except NoReadoutError as error:
            missing = (*journal.probes.missing, ("binarization", str(error)))
            journal.probes = replace(journal.probes, missing=missing)
    progress.advance(tested * units - sum(done))


def _prepared(
    request: AuditRequest, inputs: RunInputs, trial: Trial, journal: Journal, progress: Progress
) -> RunInputs:
    """The bench with the network that a trial climbs on, as far as it can be had; what cannot is entered as a reason."""
    source = trial.source
    if source is Source.SUBSTITUTE and inputs.substitute is None:
        progress.task("substitute network for the transfer check")
        return replace(inputs, substitute=request.make_substitute(inputs.target))
    if source in (Source.WHITE_BOX, Source.SUBSTITUTE) or source in inputs.views:
        return inputs
    try:
        view = cured_model(inputs.target, source, request.plan, probed(inputs))
    except CureUnavailableError as error:
        journal.unrunnable[trial] = str(error)
        return inputs
    return replace(inputs, views={**inputs.views, source: view})


__all__ = ["AuditRequest", "run_audit"]
