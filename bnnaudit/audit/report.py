"""The end of an audit: what was measured becomes evidence, findings, a verdict and the report."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bnnaudit.audit.attack_rows import attack_row, in_reading_order, serving_of, sweeps_of
from bnnaudit.audit.blocks import Attacked, inputs_of
from bnnaudit.audit.cure_table import cures_of
from bnnaudit.audit.environment import describe_environment
from bnnaudit.audit.journal import Journal
from bnnaudit.audit.request import AuditRequest
from bnnaudit.audit.trials import RunInputs
from bnnaudit.audit.verdict import Judgement, estimate, judge_checks, reach_verdict
from bnnaudit.core.evidence import Agreement, Evidence
from bnnaudit.core.finding import Waiver
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.report import Extent, Report, Verdict
from bnnaudit.core.serving import Sessions
from bnnaudit.core.trial import TrialResult
from bnnaudit.rules.table import CHECKS


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What the checks said, and what follows."""

    judgement: Judgement
    verdict: Verdict


def evidence_of(
    request: AuditRequest, inputs: RunInputs, agreement: Agreement, journal: Journal, attacked: Attacked
) -> Evidence:
    """All that was measured, on the images attacked so far; on the whole sample while no attack has run."""
    rows = attacked.rows if attacked.blocks else np.arange(len(inputs.sample))
    return Evidence(
        plan=request.plan,
        facts=request.target.facts,
        clean=inputs.clean.cpu().numpy()[rows],
        agreement=agreement,
        results=attacked.results,
        signal=journal.signal,
        verified=attacked.verified,
        why_missing=journal.interrupted,
        default_session=journal.default_session,
        probes=replace(journal.probes, missing=_why_missing(journal)),
        sessions=_sessions(inputs_of(inputs, rows), attacked),
    )


def _sessions(inputs: RunInputs, attacked: Attacked) -> tuple[Sessions, Sessions] | None:
    """What each session got right without attack, and after everything."""
    return None if inputs.sessions is None or attacked.sessions is None else (inputs.sessions, attacked.sessions)


def conclude(evidence: Evidence, journal: Journal) -> Conclusion:
    """The checks' judgement and the verdict as the evidence stands."""
    judgement = judge_checks(evidence, CHECKS, journal.unrunnable)
    return Conclusion(judgement, reach_verdict(evidence, judgement.findings, journal.faults))


def report_of(
    request: AuditRequest, evidence: Evidence, journal: Journal, attacked: Attacked, inputs: RunInputs
) -> Report:
    """The report of an audit that attacked some of the images of the bench."""
    plan, available = request.plan, len(inputs.sample)
    counted = inputs_of(inputs, attacked.rows) if attacked.blocks else inputs
    concluded = conclude(evidence, journal)
    judgement = concluded.judgement
    at_threat = [result for result in attacked.results.values() if result.trial.threat == plan.threat]
    waived: tuple[Waiver, ...] = ()
    return Report(
        provenance=request.provenance,
        model=request.target.facts,
        data=request.data,
        threat=plan.threat,
        environment=describe_environment(request.target.device),
        clean_accuracy=estimate(int(evidence.clean.sum()), evidence.samples),
        attacks=(
            *in_reading_order(attack_row(result, _role(result, plan)) for result in at_threat),
            *(step.row for step in attacked.verification),
        ),
        signal=journal.signal,
        sweeps=sweeps_of(evidence),
        cures=cures_of(evidence),
        findings=judgement.findings,
        waived=waived,
        skipped=judgement.skipped,
        faults=tuple(journal.faults),
        verdict=concluded.verdict,
        effort=plan.effort,
        comparisons=judgement.comparisons,
        output=evidence.agreement.output,
        extent=Extent(len(attacked.rows), available, attacked.blocks),
        serving=serving_of(request.target, counted.sessions),
    )


def _role(result: TrialResult, plan: AuditPlan) -> str:
    if result.trial == plan.claim:
        return "claim"
    return "" if result.trial.after is None else "remaining"


def _why_missing(journal: Journal) -> tuple[tuple[str, str], ...]:
    """Why each probe was not measured that was not: a reason of its own, or the interruption."""
    if not journal.interrupted:
        return journal.probes.missing
    return tuple((name, journal.interrupted) for name in ("gradient", "noise", "climb", "binarization"))
