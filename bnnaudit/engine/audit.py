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
from bnnaudit.core.plan import AuditPlan, Suspicion
from bnnaudit.core.probing import Probes
from bnnaudit.core.progress import Progress
from bnnaudit.core.report import AttackRow, DataFacts, Report, SignalTable
from bnnaudit.core.surrogate import SurrogateKind
from bnnaudit.core.target import Target
from bnnaudit.core.trial import Source, Trial, TrialResult
from bnnaudit.diagnostics import CHECKS
from bnnaudit.engine.binarization import binarization_images, measure_binarization
from bnnaudit.engine.climb_probe import measure_climb
from bnnaudit.engine.cures import cures_of
from bnnaudit.engine.default_session import measure_default
from bnnaudit.engine.environment import describe_environment
from bnnaudit.engine.gradient_probe import measure_gradient
from bnnaudit.engine.judging import estimate, judge_checks, reach_verdict
from bnnaudit.engine.noise_probe import measure_noise
from bnnaudit.engine.planning import (
    PROBED,
    climb_units,
    planned_trials,
    planned_units,
    units_of_strength,
    why_not_runnable,
)
from bnnaudit.engine.probes import measure_agreement
from bnnaudit.engine.readout import NoReadoutError
from bnnaudit.engine.reporting import attack_row, in_reading_order, sweeps_of
from bnnaudit.engine.signal import measure_signal
from bnnaudit.engine.trials import Bench, run_trial
from bnnaudit.engine.views import ViewUnavailableError, view_of

BLOCKED = 0.05
"""Share of images without any gradient from which on a bridge is tried."""
TURNING = 0.5
"""Mean cosine of neighbouring gradients below which averaging is tried."""


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
    why_not: dict[Trial, str] = field(default_factory=dict)
    probes: Probes = field(default_factory=Probes)
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
    agreement = measure_agreement(target, sample.images, scores, plan.batch_size, sample.labels)
    bench = Bench(target, sample, clean.to(target.device), plan.seed, plan.batch_size)
    journal = _Journal()
    try:
        with _recorded(journal, "default-session"):
            journal.by_default = measure_default(target, request.images, scores)
        plan = _open(bench, plan, journal, progress)
        _measure(replace(request, plan=plan), bench, journal, progress)
    except KeyboardInterrupt:
        journal.interrupted = "the audit was interrupted"
    return _conclude(replace(request, plan=plan), bench, agreement, journal)


def _open(bench: Bench, plan: AuditPlan, journal: _Journal, progress: Progress) -> AuditPlan:
    """Looks at gradients and noise before anything is planned, so that the cure for what they show is among the trials."""
    progress.task("gradients")
    probed = _probed(bench)
    suspicions = set()
    with _recorded(journal, "gradient"):
        gradient = measure_gradient(bench.target, probed, plan)
        journal.probes = replace(journal.probes, gradient=gradient)
        if gradient.probabilities:
            suspicions.add(Suspicion.PROBABILITIES)
        if gradient.blocked > BLOCKED * gradient.images:
            suspicions.add(Suspicion.BLOCKED)
    progress.task("answers under noise")
    with _recorded(journal, "noise"):
        noise = measure_noise(bench.target, probed, plan)
        journal.probes = replace(journal.probes, noise=noise)
        if noise.gradient_cosine < TURNING and Suspicion.BLOCKED not in suspicions:
            suspicions.add(Suspicion.UNSTABLE)
    return replace(plan, suspicions=frozenset(suspicions))


def _probed(bench: Bench) -> Batch:
    """The correctly classified images that probes look at."""
    return bench.sample.select(bench.clean).select(slice(0, PROBED))


def _measure(request: AuditRequest, bench: Bench, journal: _Journal, progress: Progress) -> None:
    plan = request.plan
    images = int(bench.clean.sum())
    progress.plan(planned_units(plan, images))
    progress.task("signal propagation")
    with _recorded(journal, "signal"):
        journal.signal = measure_signal(bench.target, bench.sample.select(bench.clean))
    progress.task("the ordinary attack step by step")
    with _recorded(journal, "climb"):
        journal.probes = replace(journal.probes, climb=measure_climb(bench.target, _probed(bench), plan))
    progress.advance(climb_units(plan, images))
    _test_strength(bench, plan, journal, progress)
    for trial in planned_trials(plan):
        why_not = why_not_runnable(trial)
        if why_not:
            journal.why_not[trial] = why_not
            continue
        progress.task(describe(trial))
        with _recorded(journal, describe(trial), required=trial == plan.claim):
            bench = _prepared(request, bench, trial, journal, progress)
            _run(bench, trial, journal, progress)
    with _recorded(journal, "verification", required=True):
        journal.verified = _verify(bench, plan, journal, progress)


def _test_strength(bench: Bench, plan: AuditPlan, journal: _Journal, progress: Progress) -> None:
    """The binarization test, unless the effort leaves it out; why it cannot be run is kept."""
    tested, units = min(binarization_images(plan), int(bench.clean.sum())), units_of_strength(plan)
    if tested == 0:
        return
    progress.task("binarization test")
    done: list[int] = []

    def on_image() -> None:
        done.append(units)
        progress.advance(units)

    with _recorded(journal, "attack-strength"):
        try:
            test = measure_binarization(bench.target, _probed(bench), plan, on_image)
            journal.probes = replace(journal.probes, binarization=test)
        except NoReadoutError as error:
            missing = (*journal.probes.missing, ("binarization", str(error)))
            journal.probes = replace(journal.probes, missing=missing)
    progress.advance(tested * units - sum(done))


def _prepared(request: AuditRequest, bench: Bench, trial: Trial, journal: _Journal, progress: Progress) -> Bench:
    """The bench with the network that a trial climbs on, as far as it can be had; what cannot is entered as a reason."""
    source = trial.source
    if source is Source.SUBSTITUTE and bench.substitute is None:
        progress.task("substitute network for the transfer check")
        return replace(bench, substitute=request.make_substitute(bench.target))
    if source in (Source.WHITE_BOX, Source.SUBSTITUTE) or source in bench.views:
        return bench
    try:
        view = view_of(bench.target, source, request.plan, _probed(bench))
    except ViewUnavailableError as error:
        journal.why_not[trial] = str(error)
        return bench
    return replace(bench, views={**bench.views, source: view})


def _run(bench: Bench, trial: Trial, journal: _Journal, progress: Progress) -> None:
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


def _verify(bench: Bench, plan: AuditPlan, journal: _Journal, progress: Progress) -> NDArray[np.bool_]:
    """(N,) bool: images that withstood every trial at the threat's radius or below, and then the verification attacks."""
    standing = standing_8bit = bench.clean.cpu().numpy()
    for result in journal.results.values():
        if result.trial.threat.eps <= plan.threat.eps:
            standing = standing & result.standing
            standing_8bit = standing_8bit & _standing_8bit(result)
    source = plan.verification_source if plan.verification_source in bench.views else Source.WHITE_BOX
    for settings in plan.verification:
        trial = Trial(settings, plan.threat, source)
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
    elif trial.source is not Source.WHITE_BOX:
        words.append(str(trial.source))
    elif attack.surrogate.kind is not SurrogateKind.IDENTITY:
        words.append(str(attack.surrogate))
    return " ".join(word for word in words if word)


def _role(result: TrialResult, plan: AuditPlan) -> str:
    if result.trial == plan.claim:
        return "claim"
    return "" if result.trial.after is None else "remaining"


def _why_missing(journal: _Journal) -> tuple[tuple[str, str], ...]:
    """Why each probe was not measured that was not: a reason of its own, or the interruption."""
    if not journal.interrupted:
        return journal.probes.missing
    return tuple((name, journal.interrupted) for name in ("gradient", "noise", "climb", "binarization"))


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
    )
