"""Every run starts from one preparation, so that a network which hands no gradient back is treated alike by all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from bnnaudit.auditing.clever import run_clever
from bnnaudit.auditing.one_attack import run_one_attack
from bnnaudit.auditing.prepare import Prepared, prepare, substitute_facts, with_substitute
from bnnaudit.auditing.run import AuditRequest, run_audit
from bnnaudit.auditing.signal_propagation import run_signal
from bnnaudit.auditing.sweep import SweepRequest, run_sweep
from bnnaudit.core.attack import Beta, Pgd
from bnnaudit.core.clever import CleverSettings, usual_radii
from bnnaudit.core.effort import Effort
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts
from bnnaudit.core.reproduction import Network, TableName
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.sweep import Parameter
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Source, Trial
from bnnaudit.data import Sample
from bnnaudit.experiments.model_run import ModelRun
from bnnaudit.experiments.plan import Setup
from bnnaudit.experiments.run import reproduce_on
from bnnaudit.experiments.sizes import attack_sizes
from tests.networks.broken import ForeignForward, killed
from tests.toy import linear_target, target_of

IMAGES = torch.rand(20, 4, generator=torch.Generator().manual_seed(0))
SAMPLE = Sample(IMAGES, None, torch.arange(20), DataFacts("toy", 20, "", labelled=False))
THREAT = Threat(Norm.LINF, 0.1)
ATTACK = Pgd(steps=3)
NOWHERE = Provenance("0", "", "")


def layers() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 3))


def cut_by(call: Callable[[Tensor], Tensor]) -> Target:
    """A target that a program made for itself, of code that cuts the gradient off between two layers."""
    return target_of(ForeignForward(layers(), 1, call), (4,), 3)


def in_data(values: Tensor) -> Tensor:
    return values.data


@torch.no_grad()
def without_gradients(values: Tensor) -> Tensor:
    return values + 0


def attack(prepared: Prepared) -> object:
    report, adversarial = run_one_attack(prepared, Trial(ATTACK, THREAT), NOWHERE)
    return report.attacks[0].accuracy, report.findings, adversarial.images.tolist()


def transfer(prepared: Prepared) -> object:
    """From a substitute of the same code."""
    trial = Trial(replace(ATTACK, stop_at_success=False), THREAT, Source.SUBSTITUTE)
    report, _ = run_one_attack(prepared, trial, NOWHERE, make_substitute=lambda _: prepared.target)
    return report.attacks[0].accuracy, report.findings


def sweep(prepared: Prepared) -> object:
    report = run_sweep(prepared, SweepRequest(Parameter.ITERATIONS, (1, 2), ATTACK, THREAT), NOWHERE)
    return report.sweeps, report.findings


def signal(prepared: Prepared) -> object:
    report = run_signal(prepared, Surrogate(), THREAT, NOWHERE)
    assert report.signal is not None
    return report.signal.original, report.findings


def clever(prepared: Prepared) -> object:
    settings = CleverSettings(betas=(Beta(),), batches=5, draws=4, targets=2, radii=usual_radii(4))
    return run_clever(prepared, settings, Surrogate(), NOWHERE, lambda _: None).rows


def audit(prepared: Prepared) -> object:
    plan = AuditPlan(THREAT, Pgd(), 4, False, effort=Effort.QUICK)
    report = run_audit(AuditRequest(prepared.target, SAMPLE, plan, lambda made: made, NOWHERE), Silence()).report
    assert report.faults == ()
    return report.verdict, {finding.rule.code for finding in report.findings}


def reproduced(prepared: Prepared) -> object:
    setup = Setup(attack_sizes("toy", THREAT.norm, THREAT.eps, 4), THREAT, 1, quantized=True)
    run = ModelRun(prepared, Network(kind="BNN-WQ"), setup, Silence())
    models = [reproduce_on(name, run) for name in (TableName.TABLE13, TableName.TABLE5, TableName.FIGURE5)]
    return [[(row.name, row.cell, row.number, row.unable) for row in model.rows] for model in models]


@pytest.mark.parametrize("run", [attack, transfer, sweep, signal, clever, audit, reproduced])
def test_every_run_treats_a_gradient_that_is_cut_off_like_one_of_zero(run: Callable[[Prepared], object]) -> None:
    """The answers of all four networks are the same, and so is what each run says of them."""
    targets = [cut_by(call) for call in (killed, Tensor.detach, in_data, without_gradients)]
    zero, *cut = [run(prepare(target, SAMPLE, 0, 256)) for target in targets]
    assert all(repr(found) == repr(zero) for found in cut)


def test_the_clean_sample_goes_through_each_session_once() -> None:
    """Further runs of the deployed model are those of the agreement's own: again, alone, and with others."""
    whole: list[int] = []

    def by_default(images: Tensor) -> Tensor:
        whole.append(len(images))
        return target.deployed(images)

    target = target_of(layers(), (4,), 3)
    found = prepare(replace(target, default_session=lambda: by_default), SAMPLE, 0, 256)
    assert whole == [20]
    assert found.default_session is not None
    assert (found.default_session.images, found.default_session.differing) == (20, 0)


@pytest.mark.parametrize("labelled", [True, False])
def test_how_like_the_model_a_substitute_is(labelled: bool) -> None:
    """One that has classes 0 and 1 the wrong way round agrees on the images of class 2, and is right where 0 for 1 is wrong."""
    weights = torch.eye(3, 4)
    swapped = linear_target(weights[[1, 0, 2]], torch.zeros(3))
    swapped = replace(swapped, facts=replace(swapped.facts, path="twins/ref.onnx", sha256="ab" * 32))
    answers = (IMAGES @ weights.T).argmax(dim=1)
    labels = torch.where(torch.arange(20) < 5, torch.ones_like(answers), answers)
    sample = replace(SAMPLE, labels=labels if labelled else None)
    prepared = prepare(linear_target(weights, torch.zeros(3)), sample, 0, 7)
    found = substitute_facts(with_substitute(prepared.inputs, lambda _: swapped), prepared)
    others = torch.tensor([1, 0, 2])[answers]
    assert (found.path, found.sha256, found.trained) == ("twins/ref.onnx", "ab" * 32, False)
    assert (found.agreement.value, found.agreement.n) == (int((answers == 2).sum()) / 20, 20)
    assert (found.accuracy is None) == (not labelled)
    if found.accuracy is not None:
        assert found.accuracy.value == int((others == labels).sum()) / 20
        assert found.accuracy.value != found.agreement.value


def test_a_report_says_what_its_images_were_made_on() -> None:
    """Of one attack, and none where the model itself is attacked."""
    prepared = prepare(target_of(layers(), (4,), 3), SAMPLE, 0, 256)
    transferred = Trial(replace(ATTACK, stop_at_success=False), THREAT, Source.SUBSTITUTE)
    report, _ = run_one_attack(prepared, transferred, NOWHERE, make_substitute=lambda target: target)
    assert report.substitute is not None
    assert (report.substitute.path, report.substitute.agreement.value) == ("toy", 1.0)
    assert run_one_attack(prepared, Trial(ATTACK, THREAT), NOWHERE)[0].substitute is None


def test_a_substitute_that_is_cut_off_has_a_gradient_of_zero() -> None:
    prepared = prepare(target_of(layers(), (4,), 3), SAMPLE, 0, 256)
    substitute = with_substitute(prepared.inputs, lambda _: cut_by(Tensor.detach)).climbed[Source.SUBSTITUTE]
    assert substitute is not None
    assert substitute.logits(IMAGES.clone().requires_grad_()).requires_grad
