"""The end of a run: what was measured becomes evidence, findings, a verdict and the report."""

from __future__ import annotations

import platform
from dataclasses import replace
from itertools import chain

import numpy as np
import onnxruntime
import torch

from bnnaudit.auditing.advice import advice_of
from bnnaudit.auditing.attack_rows import attack_row, in_reading_order, serving_of, sweeps_of
from bnnaudit.auditing.cure_table import cures_of, remedy_of
from bnnaudit.auditing.gate import Audited, decide
from bnnaudit.auditing.image_blocks import Attacked
from bnnaudit.auditing.journal import Journal
from bnnaudit.auditing.prepare import Prepared
from bnnaudit.auditing.threads import Threads
from bnnaudit.auditing.verdict import OF_THE_SAMPLE, Judgement, judge_checks, reach_verdict, share, why_in_doubt
from bnnaudit.auditing.waivers import Waivers
from bnnaudit.core.evidence import Evidence
from bnnaudit.core.finding import CatalogueCheck, Fault
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Environment, Extent, Report, Verdict
from bnnaudit.core.threat import Threat
from bnnaudit.core.trial import TrialResult
from bnnaudit.rules.causes import code_cuts_gradient, output_hides_scores, steps_unknown
from bnnaudit.rules.comparison import Paired, compare
from bnnaudit.rules.model import copies_disagree, non_finite_outputs, random_outputs, unlike_pictures
from bnnaudit.rules.table import CHECKS


def evidence_of(plan: AuditPlan, prepared: Prepared, journal: Journal, attacked: Attacked) -> Evidence:
    """All that was measured, on the images attacked so far; on the whole sample while no attack has run."""
    broken = tuple((fault.check, f"its measurement broke: {fault.error}") for fault in journal.faults)
    missing = (*broken, *journal.probes.missing)
    if journal.interrupted:
        missing = tuple((name, journal.interrupted) for name in ("gradient", "noise", "climb", "binarization"))
    if prepared.missing_session:
        missing = (*missing, ("default-session", prepared.missing_session))
    rows = attacked.rows if attacked.blocks else np.arange(len(prepared.labels))
    before, standing = prepared.inputs.on(rows).sessions, attacked.standing
    after = None if standing is None else standing.sessions
    return Evidence(
        plan=plan,
        facts=prepared.target.facts,
        clean=prepared.clean.numpy()[rows],
        agreement=prepared.agreement,
        results=attacked.results,
        signal=journal.signal,
        verified=None if standing is None else standing.images,
        why_missing=journal.interrupted,
        default_session=prepared.default_session,
        probes=replace(journal.probes, missing=missing),
        sessions=None if before is None or after is None else (before, after),
        clean_of_sample=prepared.clean.numpy(),
        labelled=prepared.sample.facts.labelled,
        substitute=journal.substitute,
    )


def conclude(evidence: Evidence, journal: Journal) -> tuple[Judgement, Verdict]:
    """The checks' judgement and the verdict as the evidence stands."""
    judgement = judge_checks(evidence, CHECKS, journal.unrunnable)
    return judgement, reach_verdict(evidence, judgement.findings, journal.faults)


def report_of(
    evidence: Evidence, prepared: Prepared, journal: Journal, attacked: Attacked, provenance: Provenance
) -> Report:
    """The report of an audit that attacked some of the images of the sample."""
    plan, inputs = evidence.plan, prepared.inputs
    counted = inputs.on(attacked.rows) if attacked.blocks else inputs
    judgement, verdict = conclude(evidence, journal)
    at_threat = [result for result in attacked.results.values() if result.trial.threat == plan.threat]
    cures = cures_of(evidence)
    audited = _audited(evidence, judgement, verdict, journal, provenance)
    gate = decide(plan.policy, audited)
    return replace(
        _facts_of(prepared, plan.threat, provenance),
        clean_accuracy=share(evidence.clean),
        attacks=(
            *in_reading_order(attack_row(result, _role(result, plan)) for result in at_threat),
            *(step.row for step in attacked.verification),
        ),
        signal=journal.signal,
        sweeps=sweeps_of(evidence),
        cures=cures,
        remedy=remedy_of(cures, judgement.findings),
        findings=audited.findings,
        skipped=judgement.skipped,
        faults=audited.faults,
        checks=tuple(CatalogueCheck(check.name, check.rule.code, check.rule.name) for check in CHECKS),
        verdict=verdict,
        gate=gate,
        advice=advice_of(evidence, verdict, gate, audited.findings),
        effort=plan.effort,
        seed=plan.seed,
        comparisons=judgement.comparisons,
        extent=Extent(len(attacked.rows), len(inputs.sample), attacked.blocks),
        serving=serving_of(prepared.target, counted.sessions),
        substitute=evidence.substitute,
    )


def _audited(
    evidence: Evidence, judgement: Judgement, verdict: Verdict, journal: Journal, provenance: Provenance
) -> Audited:
    """What the gate decides about, with the waivers that hold on the day of the report."""
    waivers = Waivers.of(evidence.plan.policy.waivers, evidence.facts, provenance)
    return Audited(
        verdict=verdict,
        doubt=why_in_doubt(evidence, judgement.findings, journal.faults),
        findings=waivers.applied(judgement.findings),
        skipped=judgement.skipped,
        faults=tuple(journal.faults),
        clean=share(evidence.clean) if evidence.labelled else None,
        lost=_lost(evidence),
        waivers=waivers,
    )


def _lost(evidence: Evidence) -> Paired | None:
    """Ordinary attacks against all of them, image by image, where both were measured."""
    if evidence.claimed is None or evidence.verified is None or evidence.why_missing:
        return None
    return compare(evidence.claimed, evidence.verified)


def bare_report(prepared: Prepared, threat: Threat, provenance: Provenance) -> Report:
    """The report of a run that is not an audit: facts, clean accuracy, and what shows whether they can be trusted.

    Its findings say whether the model itself can be trusted, and whether its gradient can; nothing else is judged.
    """
    facts, agreement, fit = prepared.target.facts, prepared.agreement, prepared.measure_fit()
    return replace(
        _facts_of(prepared, threat, provenance),
        findings=(
            *copies_disagree.findings_from(agreement),
            *non_finite_outputs.findings_from(agreement),
            *random_outputs.findings_from(agreement),
            *code_cuts_gradient.findings_from(facts),
            *steps_unknown.findings_from(facts),
            *output_hides_scores.findings_from(facts, agreement),
            *chain.from_iterable(rule.findings_from(fit) for rule in OF_THE_SAMPLE),
            *unlike_pictures.findings_from(fit, facts.num_classes),
        ),
        faults=(Fault("default-session", prepared.missing_session),) if prepared.missing_session else (),
    )


def _facts_of(prepared: Prepared, threat: Threat, provenance: Provenance) -> Report:
    """What is known of a run before anything is attacked or judged."""
    target = prepared.target
    return Report(
        provenance=provenance,
        model=target.facts,
        data=prepared.sample.facts,
        threat=threat,
        environment=describe_environment(target.device, prepared.threads),
        clean_accuracy=share(prepared.clean.numpy()),
        output=prepared.agreement.output,
        serving=serving_of(target, prepared.inputs.sessions),
    )


def describe_environment(device: torch.device, threads: Threads | None) -> Environment:
    """Versions, device and threads of this process."""
    threads = threads or Threads(torch.get_num_threads())
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    return Environment(
        python=platform.python_version(),
        torch=str(torch.__version__),
        onnxruntime=str(onnxruntime.__version__),
        device=name,
        threads=threads.count,
        thread_dependent=threads.dependent,
    )


def _role(result: TrialResult, plan: AuditPlan) -> str:
    if result.trial == plan.claim:
        return "claim"
    return "" if result.trial.after is None else "remaining"
