"""Which sessions of the deployed model count: what each leaves of the same images, and what the report says of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from bnnaudit.auditing.one_attack import run_one_attack
from bnnaudit.auditing.prepare import prepare
from bnnaudit.auditing.run import AuditRequest, run_audit
from bnnaudit.auditing.serving import answers_of, with_default_session
from bnnaudit.core.attack import Pgd
from bnnaudit.core.errors import ModelError
from bnnaudit.core.plan import AuditPlan
from bnnaudit.core.progress import Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Report
from bnnaudit.core.serving import ServeAs, Sessions
from bnnaudit.core.target import Deployed, Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.onnx_import.runtime import open_session
from tests.measurements.test_default_session import load, quantized_softmax
from tests.toy import linear_target

PROVENANCE = Provenance("test", "", "")
THREAT = Threat(Norm.LINF, 0.1)


def scores_of(values: Tensor, threshold: float) -> Tensor:
    """Class 1 above the threshold."""
    return torch.stack([torch.zeros(len(values)), values[:, 0] - threshold], dim=1)


def step(exact: float, default: float, serve_as: ServeAs = ServeAs.ANY) -> Target:
    """One pixel against 0.5: class 1 above it in the copy, above `exact` and `default` in the two sessions."""
    target = linear_target(torch.tensor([[0.0], [1.0]]), torch.tensor([0.0, -0.5]))
    return replace(
        target,
        deployed=lambda images: scores_of(images, exact),
        default_session=lambda: lambda images: scores_of(images, default),
        serve_as=serve_as,
    )


def sample_of(*pixels: float) -> Sample:
    images = torch.tensor(pixels)[:, None]
    labels = (images[:, 0] > 0.5).long()
    return Sample(images, labels, torch.arange(len(pixels)), DataFacts("pixels", len(pixels), ""))


PIXELS = sample_of(0.2, 0.42, 0.45, 0.48, 0.6, 0.9)
"""At a radius of 0.1 PGD carries 0.42 to 0.52, 0.45 to 0.55, 0.48 to 0.58 and 0.6 to 0.5, which is class 0; the copy's
threshold lies between all of them and where they come from."""


def attacked(serve_as: ServeAs, exact: float = 0.5, default: float = 0.53) -> Report:
    target = step(exact, default, serve_as)
    report, _ = run_one_attack(
        prepare(target, PIXELS, 0, 256), Trial(Pgd(restarts=4, stop_at_success=False), THREAT), PROVENANCE
    )
    return report


@pytest.mark.parametrize(
    ("serve_as", "left"), [(ServeAs.ANY, 2), (ServeAs.EXACT, 2), (ServeAs.DEFAULT, 3)], ids=lambda value: str(value)
)
def test_an_image_is_broken_where_one_of_the_sessions_is_that_count(serve_as: ServeAs, left: int) -> None:
    """0.42 reaches 0.52 at most: class 1 in the exact session and 0 in the default one."""
    report = attacked(serve_as)
    (row,) = report.attacks
    assert row.sessions is not None
    assert (row.sessions.exact.value * 6, row.sessions.default.value * 6) == pytest.approx((2, 3))
    assert row.sessions.between == 1
    assert row.accuracy.value * 6 == pytest.approx(left)
    assert report.serving is not None
    assert report.serving.serve_as is serve_as
    assert report.serving.clean.between == 0
    assert row.replayed == 4
    assert row.replay_disagreements == (1 if serve_as is ServeAs.DEFAULT else 0)


@pytest.mark.parametrize(("serve_as", "clean"), [(ServeAs.ANY, 5), (ServeAs.EXACT, 6), (ServeAs.DEFAULT, 5)])
def test_right_without_attack_is_right_in_every_session_that_counts(serve_as: ServeAs, clean: int) -> None:
    """A default threshold of 0.47 puts 0.48 into class 1, where it does not belong."""
    report = attacked(serve_as, default=0.47)
    assert report.clean_accuracy is not None
    assert report.clean_accuracy.value * 6 == pytest.approx(clean)
    assert report.serving is not None
    figures = report.serving.clean
    assert (figures.exact.value * 6, figures.default.value * 6, figures.between) == pytest.approx((6, 5, 1))


def test_without_labels_the_exact_session_s_answers_are_held_against_the_other() -> None:
    answers = answers_of(step(0.5, 0.47), PIXELS.images)
    assert answers.right(answers.shown).tolist() == [True, True, True, False, True, True]
    default_session = answers_of(step(0.5, 0.47, ServeAs.DEFAULT), PIXELS.images)
    assert default_session.shown.tolist() == [0, 0, 0, 1, 1, 1]
    assert default_session.right(default_session.shown).all()


def test_a_session_that_cannot_differ_costs_nothing_and_has_no_column() -> None:
    target = replace(step(0.5, 0.5), default_session=None)
    report, adversarial = run_one_attack(prepare(target, PIXELS, 0, 256), Trial(Pgd(), THREAT), PROVENANCE)
    assert report.serving is None
    assert all(row.sessions is None for row in report.attacks)
    assert adversarial.after.default is None


def broken_session() -> Deployed:
    raise ModelError("the default session cannot load the model")


def test_a_default_session_that_does_not_open_is_a_fault_unless_it_is_the_one_that_counts() -> None:
    target = replace(step(0.5, 0.5), default_session=broken_session)
    opened, missing = with_default_session(target)
    assert opened.default_session is None
    assert missing == "no default session on this machine: the default session cannot load the model"
    report, _ = run_one_attack(prepare(target, PIXELS, 0, 256), Trial(Pgd(), THREAT), PROVENANCE)
    assert [fault.check for fault in report.faults] == ["default-session"]
    with pytest.raises(ModelError, match="cannot load"):
        with_default_session(replace(target, serve_as=ServeAs.DEFAULT))


def test_the_session_is_opened_once() -> None:
    opened: list[int] = []

    def opening() -> Deployed:
        opened.append(1)
        return lambda images: scores_of(images, 0.5)

    run_one_attack(
        prepare(replace(step(0.5, 0.5), default_session=opening), PIXELS, 0, 256),
        Trial(Pgd(), THREAT),
        PROVENANCE,
    )
    assert opened == [1]


def test_what_counts_of_two_sessions() -> None:
    sessions = Sessions(np.array([True, True, False, False]), np.array([True, False, True, False]))
    assert sessions.counted(ServeAs.ANY).tolist() == [True, False, False, False]
    assert sessions.counted(ServeAs.EXACT).tolist() == [True, True, False, False]
    assert sessions.counted(ServeAs.DEFAULT).tolist() == [True, False, True, False]
    assert sessions.between == 2


@pytest.mark.parametrize("serve_as", list(ServeAs))
def test_an_audit_tells_both_sessions_for_every_attack_and_what_is_between(serve_as: ServeAs) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(120, 1, generator=generator)
    labels = (images[:, 0] > 0.5).long()
    request = AuditRequest(
        target=step(0.5, 0.53, serve_as),
        sample=Sample(images, labels, torch.arange(120), DataFacts("pixels", 120, "")),
        plan=AuditPlan(THREAT, Pgd(), 1, False, transfer=False, all_images=True),
        make_substitute=lambda target: target,
        provenance=PROVENANCE,
    )
    report = run_audit(request, Silence()).report
    assert not report.faults
    assert report.verdict is not None
    last = report.attacks[-1]
    assert last.role == "verification"
    assert last.sessions is not None
    exact, default = last.sessions.exact, last.sessions.default
    verified = report.verdict.verified_accuracy
    counts = {ServeAs.EXACT: exact.value, ServeAs.DEFAULT: default.value}
    assert verified is not None
    if serve_as in counts:
        assert verified.value == pytest.approx(counts[serve_as])
    else:
        assert verified.value <= min(counts.values()) + 1e-9
    truth = ((images[:, 0] - 0.5).abs() > 0.1001).double().mean()
    if serve_as is not ServeAs.DEFAULT:
        assert verified.value <= float(truth) + 0.01
    assert all(row.sessions is not None for row in report.attacks)
    assert report.clean_accuracy is not None
    assert report.clean_accuracy.value < 1 or serve_as is ServeAs.EXACT


def test_figures_of_a_file_are_those_of_sessions_opened_by_hand(tmp_path: Path) -> None:
    """Kernels on integers round otherwise on every processor: the scores of the two sessions differ."""
    path = tmp_path / "model.onnx"
    target = load(quantized_softmax(), path)
    images = torch.rand(200, 48, generator=torch.Generator().manual_seed(0))
    labels = target.deployed(images).argmax(dim=1)
    sample = Sample(images, labels, torch.arange(200), DataFacts("noise", 200, ""))
    trial = Trial(Pgd(steps=10), Threat(Norm.LINF, 0.02))
    report, adversarial = run_one_attack(prepare(target, sample, 0, 256), trial, PROVENANCE)
    plain = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    found = {}
    for name, session in (("exact", open_session(str(path))), ("default", plain)):
        before, after = (
            session.run(None, {"x": batch.numpy()})[0].argmax(axis=1) == labels.numpy()
            for batch in (images, adversarial.images)
        )
        found[name] = before & after
    (row,) = report.attacks
    assert row.sessions is not None
    assert row.sessions.exact.value == pytest.approx(found["exact"].mean())
    assert row.sessions.default.value == pytest.approx(found["default"].mean())
    assert row.sessions.between == (found["exact"] != found["default"]).sum()
    assert row.accuracy.value == pytest.approx((found["exact"] & found["default"]).mean())
    assert 0.05 < row.accuracy.value < 0.95
