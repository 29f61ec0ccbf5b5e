"""The end of an audit: what was measured becomes evidence, findings, a verdict and the report."""

from __future__ import annotations

from dataclasses import replace

from bnnaudit.core.evidence import Agreement, Evidence
from bnnaudit.core.finding import Waiver
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.report import Report
from bnnaudit.core.trial import TrialResult
from bnnaudit.diagnostics import CHECKS
from bnnaudit.engine.cures import cures_of
from bnnaudit.engine.environment import describe_environment
from bnnaudit.engine.journal import Journal
from bnnaudit.engine.judging import estimate, judge_checks, reach_verdict
from bnnaudit.engine.reporting import attack_row, in_reading_order, sweeps_of
from bnnaudit.engine.request import AuditRequest
from bnnaudit.engine.trials import Bench


def conclude(request: AuditRequest, bench: Bench, agreement: Agreement, journal: Journal) -> Report:
    """The report of what the journal holds."""
    plan = request.plan
    evidence = Evidence(
        plan=plan,
        facts=request.target.facts,
        clean=bench.clean.cpu().numpy(),
        agreement=agreement,
        results=journal.results,
        signal=journal.signal,
        verified=journal.verified,
        why_missing=journal.interrupted,
        by_default=journal.by_default,
        probes=replace(journal.probes, missing=_why_missing(journal)),
    )
    judgement = judge_checks(evidence, CHECKS, journal.why_not)
    at_threat = [result for result in journal.results.values() if result.trial.threat == plan.threat]
    waived: tuple[Waiver, ...] = ()
    return Report(
        tool_version=request.tool_version,
        created=request.created,
        command=request.command,
        model=request.target.facts,
        data=request.data,
        threat=plan.threat,
        environment=describe_environment(request.target.device),
        clean_accuracy=estimate(int(bench.clean.sum()), len(bench.sample)),
        attacks=(
            *in_reading_order(attack_row(result, _role(result, plan)) for result in at_threat),
            *journal.verification,
        ),
        signal=journal.signal,
        sweeps=sweeps_of(evidence),
        cures=cures_of(evidence),
        findings=judgement.findings,
        waived=waived,
        skipped=judgement.skipped,
        faults=tuple(journal.faults),
        verdict=reach_verdict(evidence, judgement.findings, journal.faults),
        effort=plan.effort,
        comparisons=judgement.comparisons,
        output=agreement.output,
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
