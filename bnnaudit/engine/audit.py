"""Runs a whole audit: probes, trials, verification, judgement. What fails is recorded and what was done is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bnnaudit.attacks import image_steps
from bnnaudit.core.batch import Batch
from bnnaudit.core.evidence import Agreement, DefaultAnswers, Evidence
from bnnaudit.core.finding import Fault, Waiver
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import AttackRow, DataFacts, Report, SignalTable
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial, TrialResult
from bnnaudit.diagnostics import CHECKS
from bnnaudit.engine.default_session import measure_default
from bnnaudit.engine.environment import describe_environment
from bnnaudit.engine.judging import estimate, judge_checks, reach_verdict
from bnnaudit.engine.probes import measure_agreement
from bnnaudit.engine.reporting import attack_row, in_reading_order, sweeps_of
from bnnaudit.engine.signal import measure_signal
from bnnaudit.engine.trials import Bench, run_trial


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """Everything an audit starts from.

    labels (N,) of `sample` are the data's, or None where the deployed model's own predictions shall stand in for them.
    `make_substitute` trains or loads the network for the transfer check; it is called only if that check runs.
    """

    target: Target
    images: Tensor
    labels: Tensor | None
    ids: Tensor
    data: DataFacts
    plan: AuditPlan
    make_substitute: Callable[[Target], Target]
    tool_version: str
    created: str
    command: str


@dataclass(slots=True)
class _Journal:
    """What has been found so far; kept when the audit is interrupted."""

    results: dict[Trial, TrialResult] = field(default_factory=dict)
    signal: SignalTable | None = None
    verified: NDArray[np.bool_] | None = None
    verification: list[AttackRow] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    by_default: DefaultAnswers | None = None
    interrupted: str = ""


def run_audit(request: AuditRequest, progress: Progress) -> Report:
    """The audit's report. Interruption (KeyboardInterrupt) and faults end in an undecided verdict, not in an exception."""
    target, plan = request.target, request.plan
    progress.task("deployed model on clean images")
    scores = target.deployed(request.images)
    labels = scores.argmax(dim=1) if request.labels is None else request.labels
    clean = scores.argmax(dim=1) == labels
    sample = Batch(request.images, labels, request.ids).to(target.device)
    agreement = measure_agreement(target, sample.images, scores, plan.batch_size)
    bench = Bench(target, sample, clean.to(target.device), plan.seed, plan.batch_size)
    journal = _Journal()
    try:
        with _recorded(journal, "default-session"):
            journal.by_default = measure_default(target, request.images, scores)
        _measure(request, bench, journal, progress)
    except KeyboardInterrupt:
        journal.interrupted = "the audit was interrupted"
    return _conclude(request, bench, agreement, journal)


def planned_units(plan: AuditPlan, images: int) -> int:
    """Image-steps of the whole audit, for the progress bar."""
    trials = sum(image_steps(trial.attack) for trial in planned_trials(plan))
    checks = sum(image_steps(settings) for settings in plan.verification)
    return images * (trials + checks)


def planned_trials(plan: AuditPlan) -> tuple[Trial, ...]:
    """Every attack that some check asks for, once; the claim's own first, so that an interrupted audit has it."""
    asked = [trial for check in CHECKS for trial in check.trials(plan)]
    return tuple(dict.fromkeys([plan.claim, *asked]))


def _measure(request: AuditRequest, bench: Bench, journal: _Journal, progress: Progress) -> None:
    plan = request.plan
    progress.plan(planned_units(plan, int(bench.clean.sum())))
    progress.task("signal propagation")
    with _recorded(journal, "signal"):
        journal.signal = measure_signal(bench.target, bench.sample.select(bench.clean))
    for trial in planned_trials(plan):
        progress.task(describe(trial))
        with _recorded(journal, describe(trial), required=trial == plan.claim):
            if trial.source is Source.SUBSTITUTE and bench.substitute is None:
                progress.task("substitute network for the transfer check")
                bench = replace(bench, substitute=request.make_substitute(bench.target))
            result, _ = run_trial(bench, trial, on_progress=progress.advance)
            journal.results[trial] = result
    with _recorded(journal, "verification", required=True):
        journal.verified = _verify(bench, plan, journal, progress)


def _verify(bench: Bench, plan: AuditPlan, journal: _Journal, progress: Progress) -> NDArray[np.bool_]:
    """(N,) bool: images that withstood every trial at the threat's radius or below, and then the verification attacks."""
    standing = standing_8bit = bench.clean.cpu().numpy()
    for result in journal.results.values():
        if result.trial.threat.eps <= plan.threat.eps:
            standing = standing & result.standing
            standing_8bit = standing_8bit & _standing_8bit(result)
    for settings in plan.verification:
        trial = Trial(settings, plan.threat)
        progress.task(f"verification: {describe(trial)}")
        among = torch.from_numpy(standing).to(bench.clean.device)
        spared = int(bench.clean.sum()) - int(standing.sum())
        progress.advance(spared * image_steps(settings))
        result, _ = run_trial(bench, trial, among, progress.advance)
        standing = standing & result.standing
        standing_8bit = standing_8bit & _standing_8bit(result)
        row = attack_row(result, role="verification")
        accuracy, stored = (estimate(int(left.sum()), len(left)) for left in (standing, standing_8bit))
        journal.verification.append(replace(row, accuracy=accuracy, accuracy_8bit=row.accuracy_8bit and stored))
    return standing


def _standing_8bit(result: TrialResult) -> NDArray[np.bool_]:
    """(N,) bool: images that no 8-bit file of this attack's fools; all that were right where that was not measured."""
    return result.clean if result.standing_8bit is None else result.standing_8bit


class _recorded:  # noqa: N801 - reads as a clause of a with statement
    """Turns an exception of one step into a fault of the report; interruption passes through."""

    def __init__(self, journal: _Journal, check: str, required: bool = False) -> None:
        self._journal, self._check, self._required = journal, check, required

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception):
            return False
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        self._journal.faults.append(Fault(self._check, text, self._required))
        return True


def describe(trial: Trial) -> str:
    """`pgd++ hns triangular` and the like, for the progress bar and for faults."""
    attack = trial.attack
    words = [attack.name, str(attack.beta) if attack.name.endswith("++") else "", f"{attack.steps} steps"]
    if trial.source is Source.SUBSTITUTE:
        words.append("from the substitute")
    elif attack.surrogate.kind is not SurrogateKind.IDENTITY:
        words.append(str(attack.surrogate))
    return " ".join(word for word in words if word)


def _role(result: TrialResult, plan: AuditPlan) -> str:
    return "claim" if result.trial == plan.claim else ""


def _conclude(request: AuditRequest, bench: Bench, agreement: Agreement, journal: _Journal) -> Report:
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
    )
    findings, skipped = judge_checks(evidence, CHECKS)
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
        findings=findings,
        waived=waived,
        skipped=skipped,
        faults=tuple(journal.faults),
        verdict=reach_verdict(evidence, findings, journal.faults),
    )
