"""Runs a whole audit: probes, trials, verification, judgement. What fails is recorded and what was done is kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from bnnaudit.auditing.confirmed import Confirmed
from bnnaudit.auditing.counterexamples import Counterexamples
from bnnaudit.auditing.image_blocks import Attacked
from bnnaudit.auditing.image_rows import with_images
from bnnaudit.auditing.journal import Journal, describe, faults_into
from bnnaudit.auditing.plan import climb_units, planned_trials, planned_units, units_of_strength, why_unrunnable
from bnnaudit.auditing.prepare import Prepared, prepare, substitute_facts, with_substitute
from bnnaudit.auditing.report import conclude, evidence_of, report_of
from bnnaudit.auditing.stopping import is_decided, needs_whole_sample, next_total, tally_of
from bnnaudit.auditing.suspicions import probed, with_suspicions
from bnnaudit.auditing.threads import Threads
from bnnaudit.auditing.trials import RunInputs, run_trial
from bnnaudit.auditing.verification import verify
from bnnaudit.core.evidence import STOPPED, Evidence
from bnnaudit.core.finding import Fault
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial
from bnnaudit.data import Sample
from bnnaudit.data.sample import shuffled
from bnnaudit.measurements.attack_strength import binarization_images, measure_binarization
from bnnaudit.measurements.climb import measure_climb
from bnnaudit.measurements.cured_models import CureUnavailableError, cured_model
from bnnaudit.measurements.last_layer import NoLastLayerError
from bnnaudit.measurements.propagation import measure_signal
from bnnaudit.numerics.threads import working_threads
from bnnaudit.rules.symptoms.attack_too_weak import ENOUGH, VERIFIES, VERIFYING

BROKEN = "the attack failed; the faults say why"


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Everything an audit starts from.

    `make_substitute` trains or loads the network for the transfer check; it is called only if that check runs. threads: what
    the audit computes with; PyTorch's own number where it is None. keep_images: whether every counterexample is kept.
    least_images: how many are attacked even where the verdict is decided before.
    """

    target: Target
    sample: Sample
    plan: AuditPlan
    make_substitute: Callable[[Target], Target]
    provenance: Provenance
    threads: Threads | None = None
    keep_images: bool = False
    least_images: int = 0


@dataclass(frozen=True, slots=True)
class Audited:
    """What an audit gives: its report, and what evidence is made of.

    target: the model in the sessions that it was replayed in. confirmed: None where the images were not asked for.
    """

    report: Report
    target: Target
    confirmed: Confirmed | None = None


def run_audit(request: AuditRequest, progress: Progress) -> Audited:
    """Interruption (KeyboardInterrupt) and faults end in a report with an undecided verdict, not in an exception."""
    progress.task("deployed model on clean images")
    plan, journal = request.plan, Journal()
    with working_threads(request.threads.count if request.threads else None):
        prepared = prepare(request.target, request.sample, plan.seed, plan.batch_size, request.threads)
        if prepared.missing_session:
            journal.faults.append(Fault("default-session", prepared.missing_session))
        counterexamples = Counterexamples(plan.threat, request.keep_images)
        inputs = replace(prepared.inputs, counterexamples=counterexamples)
        audit = _Audit(request, prepared, plan, inputs, counterexamples, journal, progress)
        try:
            with faults_into(journal, "fit"):
                journal.probes = replace(journal.probes, fit=prepared.measure_fit())
            audit.plan = with_suspicions(audit.inputs, plan, journal, progress)
            audit.probe()
            audit.attack()
        except KeyboardInterrupt:
            journal.interrupted = STOPPED
        return Audited(audit.report(), prepared.target, audit.confirmed() if request.keep_images else None)


@dataclass(slots=True)
class _Audit:
    """An audit under way: probes of the whole sample, then attacks on it block by block until the verdict is decided."""

    request: AuditRequest
    prepared: Prepared
    plan: AuditPlan
    inputs: RunInputs
    counterexamples: Counterexamples
    journal: Journal
    progress: Progress
    attacked: Attacked = field(default_factory=lambda: Attacked(np.zeros(0, dtype=np.int64), ()))

    def probe(self) -> None:
        """What is measured beside attacks, on the first correctly classified images of the sample."""
        inputs, plan, journal = self.inputs, self.plan, self.journal
        clean = int(inputs.clean.sum())
        self.progress.plan(planned_units(plan, clean))
        self.progress.task("signal propagation")
        with faults_into(journal, "signal"):
            journal.signal = measure_signal(inputs.target, self.prepared.right)
        self.progress.task("the ordinary attack step by step")
        with faults_into(journal, "climb"):
            journal.probes = replace(journal.probes, climb=measure_climb(inputs.target, probed(inputs), plan))
        self.progress.advance(climb_units(plan, clean))
        _test_strength(inputs, plan, journal, self.progress)

    def attack(self) -> None:
        """Attacks blocks of images until more of them could change neither the verdict nor the gate."""
        available, tally, limits = len(self.inputs.sample), None, self.plan.policy.limits
        while (taken := len(self.attacked.rows)) < available:
            total = available if needs_whole_sample(self.plan) else next_total(tally, taken, available, limits)
            total = max(total, min(self.request.least_images, available))
            # A sample lies in the order of its data set, which may be sorted by class.
            self._attack_block(np.sort(shuffled(available, self.plan.seed)[taken:total]))
            evidence = self._evidence()
            judgement, verdict = conclude(evidence, self.journal)
            tally = tally_of(evidence)
            if evidence.verified is None or is_decided(verdict.status, judgement.findings, tally, limits):
                return

    def report(self) -> Report:
        """The report of what has been attacked so far."""
        evidence = self._evidence()
        report = report_of(evidence, self.prepared, self.journal, self.attacked, self.request.provenance)
        if not self.attacked.blocks:
            return report
        rows, claimed, verified = self.attacked.rows, evidence.claimed, evidence.verified
        return with_images(report, self.prepared, rows, self.counterexamples, claimed, verified)

    def confirmed(self) -> Confirmed:
        """The counterexamples of what has been attacked so far."""
        sample = self.prepared.sample
        attacked = sample.ids[np.sort(self.attacked.rows)].tolist()
        return Confirmed.of(self.counterexamples.of(attacked), sample)

    def _evidence(self) -> Evidence:
        return evidence_of(self.plan, self.prepared, self.journal, self.attacked)

    def _attack_block(self, rows: NDArray[np.int64]) -> None:
        """All trials and the verification on some rows of the sample.

        Where it is interrupted in the first block, what was finished is kept; a later one is then left out, since its images
        have not been through all attacks.
        """
        counted = np.concatenate([self.attacked.rows, rows])
        clean = self.inputs.clean.cpu().numpy()
        self.progress.plan(planned_units(self.plan, int(clean[counted].sum()), int(clean.sum())))
        block = Attacked(rows, (len(rows),))
        if not self.attacked.blocks:
            self.attacked = block
        self._run_trials(block)
        if self.attacked is not block:
            self.attacked = self.attacked.followed_by(block)

    def _run_trials(self, block: Attacked) -> None:
        plan, journal, progress = self.plan, self.journal, self.progress
        for trial in planned_trials(plan):
            unrunnable = why_unrunnable(trial)
            if unrunnable:
                journal.unrunnable[trial] = unrunnable
                continue
            progress.task(describe(trial))
            with faults_into(journal, describe(trial), required=trial == plan.claim):
                self._run_trial(trial, block)
            if trial not in block.results:
                journal.unrunnable.setdefault(trial, BROKEN)
        with faults_into(journal, "verification", required=True):
            for step in verify(self.inputs.on(block.rows), plan, block.results.values(), progress):
                block.verification.append(step)
            block.finished = True

    def _run_trial(self, trial: Trial, block: Attacked) -> None:
        """Unless it cannot run, or could not on an earlier block; progress advances over the images that it skips as well."""
        if trial not in self.journal.unrunnable:
            self._make_network(trial)
        inputs = self.inputs.on(block.rows)
        skipped, before = 0, None
        if trial in self.journal.unrunnable:
            skipped = int(inputs.clean.sum())
        elif trial.after is not None:
            before = block.results[trial.after]
            skipped = int(inputs.clean.sum()) - int(before.standing.sum())
        self.progress.advance(skipped * trial.attack.image_steps)
        if trial not in self.journal.unrunnable:
            block.results[trial], _ = run_trial(inputs, trial, on_progress=self.progress.advance, before=before)

    def _make_network(self, trial: Trial) -> None:
        """Prepares the network that a trial climbs on where possible; otherwise the journal gets the reason."""
        source, inputs = trial.source, self.inputs
        if source is Source.WHITE_BOX or source in inputs.climbed:
            return
        if source is Source.SUBSTITUTE:
            self.progress.task("substitute network for the transfer check")
            self.inputs = with_substitute(inputs, self.request.make_substitute)
            self.journal.substitute = substitute_facts(self.inputs, self.prepared)
            return
        try:
            self.inputs = inputs.with_source(source, cured_model(inputs.target, source, self.plan, probed(inputs)))
        except CureUnavailableError as error:
            self.journal.unrunnable[trial] = str(error)


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
            test = measure_binarization(inputs.target, probed(inputs), plan, is_settled, on_image)
            journal.probes = replace(journal.probes, binarization=test)
        except NoLastLayerError as error:
            missing = (*journal.probes.missing, ("binarization", str(error)))
            journal.probes = replace(journal.probes, missing=missing)
    progress.advance(tested * units - sum(done))


def is_settled(images: int, found: Mapping[str, int]) -> bool:
    """Whether more images are not needed: enough were tested, and `auto` found enough of them, or plainly too few."""
    verifying = found.get(VERIFYING)
    return images >= ENOUGH and (verifying is None or VERIFIES.is_settled(verifying, images - verifying))
