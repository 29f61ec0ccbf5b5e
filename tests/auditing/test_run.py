"""Whole audits of toy models whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.auditing import run as audit_run
from bnnaudit.auditing.plan import planned_units
from bnnaudit.auditing.run import AuditRequest, run_audit
from bnnaudit.auditing.trials import RunInputs, run_trial
from bnnaudit.core.attack import Pgd
from bnnaudit.core.effort import Effort
from bnnaudit.core.errors import ModelError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.gate import Outcome
from bnnaudit.core.plan import AuditPlan, Declared
from bnnaudit.core.policy import FailOn, Limits, Policy, Waiver, WaiverProblem
from bnnaudit.core.progress import Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Extent, Report, Status
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.suite import exit_code_of
from bnnaudit.core.target import Deployed, Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source, Trial
from bnnaudit.data import Sample
from tests.networks.broken import BatchCentred, Wall
from tests.toy import batch_of, linear_target, target_of

GENERATOR = torch.Generator().manual_seed(0)
WEIGHTS = torch.randn(3, 8, generator=GENERATOR)
IMAGES = torch.rand(120, 8, generator=GENERATOR)


def request(target: Target, labels: Tensor | None = None, **changes: object) -> AuditRequest:
    plan = AuditPlan(
        threat=Threat(Norm.LINF, 0.1),
        ordinary=Pgd(),
        features=8,
        quantized=bool(target.facts.quantizers),
        effort=Effort.QUICK,
    )
    batch = batch_of(target, IMAGES)
    return AuditRequest(
        target=target,
        sample=Sample(
            batch.images, batch.labels if labels is None else labels, batch.ids, DataFacts("toy", len(batch), "")
        ),
        plan=replace(plan, **changes),
        make_substitute=lambda audited: linear_target(WEIGHTS, torch.zeros(3)),
        provenance=Provenance("0", "", ""),
    )


def codes(report: Report) -> set[str]:
    return {finding.rule.code for finding in report.findings}


class Listener(Silence):
    def __init__(self) -> None:
        self.planned, self.done = 0, 0

    def plan(self, units: int) -> None:
        self.planned = units

    def advance(self, units: int) -> None:
        self.done += units


def test_a_saturated_model_is_found_out() -> None:
    """A linear model has a known distance to its boundary; multiplied by 1,000 it is no more robust."""
    report = run_audit(request(linear_target(WEIGHTS * 1000, torch.zeros(3)), effort=Effort.STANDARD), Silence()).report
    assert report.verdict is not None
    assert report.verdict.status is Status.FAKE
    assert not report.passed
    assert {"FR301", "FR302", "SP201", "GM103", "GM104"} <= codes(report)
    assert report.faults == ()


def exact_accuracy(eps: float) -> float:
    """Share of images whose nearest class boundary of the linear model is further than eps, the box left aside."""
    logits = IMAGES @ WEIGHTS.T
    top = logits.argmax(1)
    rows = WEIGHTS[top][:, None, :] - WEIGHTS[None]
    gaps = logits.gather(1, top[:, None]) - logits
    distance = torch.where(rows.abs().sum(2) > 0, gaps / rows.abs().sum(2).clamp_min(1e-9), torch.inf).amin(1)
    return float((distance > eps).float().mean())


def test_a_healthy_model_passes_and_its_verified_accuracy_is_the_exact_one() -> None:
    target = linear_target(WEIGHTS, torch.zeros(3))
    listener = Listener()
    given = request(target)
    report = run_audit(given, listener).report
    assert report.verdict is not None
    assert report.passed
    assert codes(report) <= {"GM101"}
    assert report.verdict.verified_accuracy is not None
    # The box only helps the model, and then by little here.
    assert 0 <= report.verdict.verified_accuracy.value - exact_accuracy(0.1) <= 0.1
    assert listener.done == listener.planned == planned_units(given.plan, 120)


def test_a_robust_claim_that_holds_is_called_so() -> None:
    report = run_audit(
        request(linear_target(WEIGHTS, torch.zeros(3)), threat=Threat(Norm.LINF, 0.01)), Silence()
    ).report
    assert report.verdict is not None
    assert report.verdict.status is Status.AS_CLAIMED
    assert report.passed


def test_l2_audit_runs_to_its_verdict() -> None:
    report = run_audit(
        request(linear_target(WEIGHTS * 1000, torch.zeros(3)), threat=Threat(Norm.L2, 0.3), effort=Effort.STANDARD),
        Silence(),
    ).report
    assert report.verdict is not None
    assert report.verdict.status is Status.FAKE
    assert report.sweeps[1].points[-1].value == pytest.approx(8**0.5)


def test_a_declared_accuracy_that_ordinary_attacks_refute_is_a_claim_that_is_not_met() -> None:
    declared = Declared(adversarial_accuracy=0.99, clean_accuracy=0.5)
    report = run_audit(request(linear_target(WEIGHTS, torch.zeros(3)), declared=declared), Silence()).report
    assert report.verdict is not None
    assert report.verdict.claimed_accuracy == 0.99
    assert report.verdict.status is Status.CLAIM_NOT_MET
    assert codes(report) >= {"FR303"}
    assert not codes(report) & {"FR301", "FR302"}
    assert not report.shows_masking
    assert exit_code_of(report) is ExitCode.FAILED


def test_thresholds_are_decided_on_the_rest_of_the_sample() -> None:
    """Attacks leave 59 % of the 120 images. Half of them are enough for the verdict, not for a threshold of 45 %."""
    target = linear_target(WEIGHTS * 1000, torch.zeros(3))
    early = run_audit(request(target), Silence()).report
    assert early.extent is not None
    assert early.extent.ended_early
    verified = early.verdict.verified_accuracy if early.verdict else None
    assert verified is not None
    near = Policy(Limits(min_verified=round(verified.value, 2)))
    whole = run_audit(request(target, policy=near), Silence()).report
    assert whole.extent is not None
    assert not whole.extent.ended_early
    far = run_audit(request(target, policy=Policy(Limits(min_verified=0.01))), Silence()).report
    assert far.extent == early.extent
    assert far.gate is not None
    assert [criterion.kind for criterion in far.gate.criteria] == ["audit", "findings", "min-verified"]


def test_a_waiver_holds_on_the_day_of_the_report() -> None:
    waivers = tuple(Waiver(code, "known", "me", date(2026, 3, 1)) for code in ("FR301", "FR302", "GM103"))
    given = request(linear_target(WEIGHTS * 1000, torch.zeros(3)), policy=Policy(waivers=waivers))
    on_the_day = run_audit(
        replace(given, provenance=Provenance("0", "2026-03-01T23:59:59+00:00", "")), Silence()
    ).report
    after = run_audit(replace(given, provenance=Provenance("0", "2026-03-02T00:00:00+00:00", "")), Silence()).report
    assert {finding.rule.code for finding in on_the_day.waived} >= {"FR301", "FR302"}
    assert {finding.rule.code for finding in on_the_day.findings} == {finding.rule.code for finding in after.findings}
    assert not after.waived
    assert after.gate is not None
    assert [each.problem for each in after.gate.idle] == [WaiverProblem.EXPIRED] * 3
    assert (exit_code_of(on_the_day), exit_code_of(after)) == (ExitCode.PASSED, ExitCode.FAILED)
    assert on_the_day.verdict == after.verdict


def test_without_labels_the_model_s_own_answers_count() -> None:
    given = request(linear_target(WEIGHTS, torch.zeros(3)))
    unlabelled = replace(given.sample, labels=None, facts=replace(given.sample.facts, labelled=False))
    report = run_audit(replace(given, sample=unlabelled), Silence()).report
    assert report.clean_accuracy is not None
    assert report.clean_accuracy.value == 1.0
    assert not report.data.labelled


def test_other_answers_by_default_are_a_warning() -> None:
    target = linear_target(WEIGHTS, torch.zeros(3))
    served = replace(target, default_session=lambda: lambda images: -target.deployed(images), serve_as=ServeAs.EXACT)
    report = run_audit(request(served), Silence()).report
    assert report.verdict is not None
    assert report.passed
    (finding,) = [finding for finding in report.findings if finding.rule.code == "MF409"]
    assert finding.measurements[0].value == 120


def test_a_default_session_that_does_not_open_is_a_fault() -> None:
    def closed() -> Deployed:
        raise ModelError("it does not open")

    report = run_audit(
        request(replace(linear_target(WEIGHTS, torch.zeros(3)), default_session=closed)), Silence()
    ).report
    assert [(fault.check, fault.required) for fault in report.faults] == [("default-session", False)]
    assert report.verdict is not None
    assert report.passed


def test_misclassified_images_are_wrong_everywhere_and_never_attacked() -> None:
    target = linear_target(WEIGHTS, torch.zeros(3))
    labels = batch_of(target, IMAGES).labels.clone()
    labels[:60] = (labels[:60] + 1) % 3
    report = run_audit(request(target, labels), Silence()).report
    assert report.clean_accuracy is not None
    assert report.clean_accuracy.value == 0.5
    assert all(row.accuracy.value <= 0.5 for row in report.attacks)
    assert max(row.replayed for row in report.attacks) <= 60


def test_only_what_fools_the_deployed_model_counts() -> None:
    """A deployed model that never errs: every success of the copy is refused, and said so."""
    target = linear_target(WEIGHTS, torch.zeros(3))
    answers = batch_of(target, IMAGES)

    def stubborn(images: Tensor) -> Tensor:
        nearest = torch.cdist(images, answers.images).argmin(1)
        return nn.functional.one_hot(answers.labels[nearest], 3).float()

    report = run_audit(request(replace(target, deployed=stubborn), transfer=False), Silence()).report
    assert report.verdict is not None
    assert report.verdict.verified_accuracy is not None
    assert report.verdict.verified_accuracy.value > 0.9
    assert "MF404" in codes(report)


def test_an_interrupted_audit_keeps_what_it_has_and_does_not_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    run = audit_run.run_trial

    def stop_at_third(*arguments: object, **options: object) -> object:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(*arguments, **options)

    monkeypatch.setattr(audit_run, "run_trial", stop_at_third)
    report = run_audit(request(linear_target(WEIGHTS, torch.zeros(3))), Silence()).report
    assert report.verdict is not None
    assert report.verdict.status is Status.INCONCLUSIVE
    assert not report.passed
    assert len(report.attacks) == 2
    reasons = ("interrupted", "left out by --effort", "declares no such figure")
    assert all(any(reason in skip.why for reason in reasons) for skip in report.skipped)
    assert any("interrupted" in skip.why for skip in report.skipped)


def test_a_check_that_breaks_is_a_fault_and_no_finding() -> None:
    def break_down(audited: Target) -> Target:
        raise RuntimeError("substitute lost")

    given = request(linear_target(WEIGHTS, torch.zeros(3)), effort=Effort.STANDARD)
    report = run_audit(replace(given, make_substitute=break_down), Silence()).report
    assert [fault.error for fault in report.faults] == ["RuntimeError: substitute lost"]
    assert "transfer" in {skip.check for skip in report.skipped}
    assert report.verdict is not None
    assert report.passed


def test_a_required_check_whose_measurement_breaks_is_undecided_and_says_what_broke(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def break_down(*arguments: object, **options: object) -> object:
        raise RuntimeError("no noise")

    monkeypatch.setattr("bnnaudit.auditing.suspicions.measure_noise", break_down)
    given = request(linear_target(WEIGHTS, torch.zeros(3)), policy=Policy(require=("GM112",)))
    report = run_audit(given, Silence()).report
    why = "its measurement broke: RuntimeError: no noise"
    assert {skip.check: skip.why for skip in report.skipped}["noise"] == why
    assert report.gate is not None
    assert [each.reason for each in report.gate.criteria if each.outcome is Outcome.UNDECIDED] == [why]


def test_a_broken_claim_leaves_the_audit_undecided(monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*arguments: object, **options: object) -> object:
        raise RuntimeError("no gradient")

    monkeypatch.setattr(audit_run, "run_trial", break_down)
    report = run_audit(request(linear_target(WEIGHTS, torch.zeros(3))), Silence()).report
    assert report.verdict is not None
    assert report.verdict.status is Status.INCONCLUSIVE
    assert not report.passed
    assert any(fault.required for fault in report.faults)


def test_a_model_with_random_answers_is_in_doubt() -> None:
    target = linear_target(WEIGHTS, torch.zeros(3))
    deployed, flips = target.deployed, []

    def moody(images: Tensor) -> Tensor:
        flips.append(1)
        return deployed(images) * (-1) ** len(flips)

    report = run_audit(request(replace(target, deployed=moody), transfer=False), Silence()).report
    assert report.verdict is not None
    assert report.verdict.status is Status.INCONCLUSIVE
    assert "MF405" in codes(report)


@pytest.mark.parametrize("make", [lambda: nn.Sequential(nn.Flatten(), nn.Linear(8, 3))])
def test_the_result_does_not_depend_on_the_batch_size(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    target = target_of(make(), (8,), 3)
    whole = run_audit(request(target), Silence()).report
    parts = run_audit(request(target, batch_size=17), Silence()).report
    assert [row.accuracy for row in whole.attacks] == [row.accuracy for row in parts.attacks]
    assert whole.verdict == parts.verdict


def test_the_report_says_what_each_cure_alone_recovers() -> None:
    given = request(linear_target(WEIGHTS * 1000, torch.zeros(3)), effort=Effort.STANDARD, all_images=True)
    report = run_audit(given, Silence()).report
    cures = {cure.name: cure.recovered for cure in report.cures}
    assert {"temperature", "loss", "restarts", "steps", "arithmetic", "everything"} <= set(cures)
    assert cures["temperature"].value == pytest.approx(cures["everything"].value, abs=0.05)
    assert cures["everything"].value > 0.3
    assert cures["steps"].value < 0.1
    assert len({recovered.n for recovered in cures.values()}) == 1
    assert report.effort is Effort.STANDARD
    assert report.comparisons >= 6


def test_what_the_opening_probes_see_decides_which_cure_is_tried() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(Wall(), nn.Linear(8, 3))
    report = run_audit(request(target_of(network, (8,), 3), effort=Effort.QUICK), Silence()).report
    assert Source.BRIDGED in {row.source for row in report.attacks}
    assert Source.AVERAGED not in {row.source for row in report.attacks}
    assert {"SP205", "GM113", "GM116"} <= codes(report)
    assert report.faults == ()


def test_answers_that_depend_on_the_batch_make_no_verdict() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(8, 3), BatchCentred())
    report = run_audit(request(target_of(network, (8,), 3), effort=Effort.QUICK), Silence()).report
    assert report.verdict is not None
    assert report.verdict.status is Status.INCONCLUSIVE
    assert "MF407" in codes(report)
    assert not codes(report) & {"FR301", "FR302"}
    assert {"claim", "temperature"} <= {skip.check for skip in report.skipped}


def test_an_ordinary_attack_that_was_only_cut_short_accuses_nobody() -> None:
    """Ten steps of a hundredth of the radius leave nearly all; a hundred of them leave what there is to leave."""
    target = linear_target(WEIGHTS, torch.zeros(3))
    short = Pgd(steps=10, step_size=0.001)
    report = run_audit(request(target, ordinary=short, threat=Threat(Norm.LINF, 0.05)), Silence()).report
    (claim,) = (row for row in report.attacks if row.role == "claim")
    assert report.verdict is not None
    assert report.verdict.claimed_accuracy is not None
    assert report.verdict.claimed_accuracy < claim.accuracy.value - 0.05
    assert report.verdict.status is not Status.FAKE
    assert report.passed


def test_progress_is_planned_in_full_whatever_the_effort() -> None:
    for effort in (Effort.QUICK, Effort.STANDARD):
        listener = Listener()
        run_audit(request(linear_target(WEIGHTS, torch.zeros(3)), effort=effort), listener)
        assert listener.done == listener.planned > 0


def test_an_audit_ends_with_the_block_that_decides_its_verdict() -> None:
    """Fifty of the images decide that a saturated model is fake; the whole sample says the same."""
    given = request(linear_target(WEIGHTS * 1000, torch.zeros(3)))
    early, whole = (
        run_audit(replace(given, plan=replace(given.plan, all_images=every)), Silence()).report
        for every in (False, True)
    )
    assert early.extent == Extent(50, 120, (50,))
    assert early.extent.ended_early
    assert whole.extent == Extent(120, 120, (120,))
    assert early.verdict is not None
    assert whole.verdict is not None
    assert early.verdict.status is whole.verdict.status is Status.FAKE
    assert {row.accuracy.n for row in early.attacks} == {50}
    assert early.signal == whole.signal, "probes look at the whole sample"


def test_an_audit_that_counts_warnings_does_not_end_early() -> None:
    given = request(linear_target(WEIGHTS * 1000, torch.zeros(3)))
    strict = replace(given, plan=replace(given.plan, policy=Policy(fail_on=FailOn.WARNING)))
    assert run_audit(strict, Silence()).report.extent == Extent(120, 120, (120,))


def test_a_declared_clean_accuracy_is_held_against_the_whole_sample_after_any_block() -> None:
    """Neither can few images end an audit by chance, nor hide what all of them show."""
    given = request(linear_target(WEIGHTS * 1000, torch.zeros(3)), declared=Declared(clean_accuracy=1.0))
    wrong = torch.arange(120) % 10 == 0
    labels = torch.where(wrong, (given.sample.labels + 1) % 3, given.sample.labels)
    report = run_audit(replace(given, sample=replace(given.sample, labels=labels)), Silence()).report
    assert report.extent == Extent(50, 120, (50,))
    (finding,) = (each for each in report.findings if each.rule.code == "MF403")
    (clean, _) = finding.measurements
    assert (clean.n, clean.value) == (120, 0.9)


def test_blocks_are_put_together_image_by_image() -> None:
    """A network that nothing decides early: every accuracy is what it is where all images are attacked at once."""
    given = request(linear_target(WEIGHTS, torch.zeros(3)), threat=Threat(Norm.LINF, 0.05))
    blocks, whole = (
        run_audit(replace(given, plan=replace(given.plan, all_images=every)), Silence()).report
        for every in (False, True)
    )
    assert blocks.extent is not None
    assert len(blocks.extent.blocks) > 1
    assert blocks.extent.attacked == 120
    for one, other in zip(blocks.attacks, whole.attacks, strict=True):
        assert (one.settings, one.role, one.accuracy) == (other.settings, other.role, other.accuracy)
    assert blocks.clean_accuracy == whole.clean_accuracy
    assert blocks.sweeps == whole.sweeps


def test_an_interrupted_later_block_leaves_the_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def interrupted(inputs: RunInputs, trial: Trial, **named: Any) -> object:
        seen.append(int(inputs.sample.ids.sum()))
        if len(set(seen)) > 1:
            raise KeyboardInterrupt
        return run_trial(inputs, trial, **named)

    monkeypatch.setattr(audit_run, "run_trial", interrupted)
    given = request(linear_target(WEIGHTS, torch.zeros(3)), threat=Threat(Norm.LINF, 0.05))
    report = run_audit(given, Silence()).report
    assert report.extent == Extent(50, 120, (50,))
    assert report.verdict is not None
    assert report.verdict.status is Status.INCONCLUSIVE
    assert "interrupted" in report.verdict.reason
    assert {row.accuracy.n for row in report.attacks} == {50}
