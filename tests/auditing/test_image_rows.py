"""What a report says of single images: against its own figures, and against the deployed model."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bnnaudit.api import audit
from bnnaudit.attacks.geometry import whole_lengths
from bnnaudit.auditing import run as audit_run
from bnnaudit.auditing.one_attack import run_one_attack
from bnnaudit.auditing.prepare import prepare
from bnnaudit.auditing.run import run_audit
from bnnaudit.core.attack import Fab, Pgd
from bnnaudit.core.effort import Effort
from bnnaudit.core.progress import Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import DataFacts, Report
from bnnaudit.core.serving import ServeAs
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.core.trial import Trial
from bnnaudit.data import Sample
from bnnaudit.data.image_digest import image_digests
from bnnaudit.numerics.norms import flat_norm
from tests.auditing.test_run import IMAGES, WEIGHTS, request
from tests.auditing.test_serving import PIXELS, step
from tests.paths import SAMPLE_MODELS
from tests.toy import linear_target


def check_against_figures(report: Report) -> None:
    """The rows hold the report's own figures, to the image."""
    rows, verdict = report.images, report.verdict
    assert verdict is not None
    assert report.clean_accuracy is not None
    assert len(rows) == report.clean_accuracy.n
    assert [row.index for row in rows] == sorted(row.index for row in rows)
    assert sum(row.right for row in rows) == round(report.clean_accuracy.value * len(rows))
    assert verdict.verified_accuracy is not None
    assert sum(bool(row.verified) for row in rows) == round(verdict.verified_accuracy.value * len(rows))
    assert verdict.ordinary_accuracy is not None
    assert sum(bool(row.claimed) for row in rows) == round(verdict.ordinary_accuracy.value * len(rows))
    for row in rows:
        assert row.right == (row.clean_prediction == row.label)
        assert (row.adversarial_prediction is not None) == (row.right and not row.verified)
        assert (row.distance is not None) == bool(row.fooled_by) == (row.adversarial_prediction is not None)
        assert row.adversarial_prediction != row.label
        assert row.margin is not None
        assert (row.margin <= 0) == (not row.verified)
        if row.distance is not None:
            assert row.distance <= report.threat.eps * (1 + 1e-4)


@pytest.mark.parametrize("scale", [1.0, 1000.0])
@pytest.mark.parametrize("threat", [Threat(Norm.LINF, 0.1), Threat(Norm.L2, 0.3)], ids=["linf", "l2"])
def test_the_rows_of_a_toy_agree_with_its_figures(scale: float, threat: Threat) -> None:
    target = linear_target(WEIGHTS * scale, torch.zeros(3))
    labels = (IMAGES @ WEIGHTS.T).argmax(1)
    labels[::7] = 0
    given = request(target, labels, threat=threat, effort=Effort.STANDARD)
    report = run_audit(given, Silence()).report
    check_against_figures(report)
    assert [row.digest for row in report.images] == image_digests(
        IMAGES[[row.index for row in report.images]], target.facts.box
    )
    assert {row.label for row in report.images} > {0}


@pytest.mark.parametrize("serve_as", list(ServeAs))
def test_the_rows_agree_with_the_figures_where_sessions_differ(serve_as: ServeAs) -> None:
    pixels = torch.linspace(0.05, 0.95, 40)[:, None]
    sample = Sample(pixels, (pixels[:, 0] > 0.5).long(), torch.arange(40), DataFacts("pixels", 40, ""))
    given = request(linear_target(WEIGHTS, torch.zeros(3)), threat=Threat(Norm.LINF, 0.1), features=1, transfer=False)
    report = run_audit(replace(given, target=step(0.5, 0.53, serve_as), sample=sample), Silence()).report
    check_against_figures(report)
    assert report.serving is not None
    assert report.serving.serve_as is serve_as


@pytest.mark.parametrize("name", ["digits-bnn-waq", "digits-ref"])
def test_the_rows_of_a_sample_model_agree_with_its_figures(name: str) -> None:
    report = audit(SAMPLE_MODELS / f"{name}.onnx", settings={"audit": {"effort": "quick"}, "data": {"samples": 60}})
    check_against_figures(report)
    assert 1 <= len(report.examples) <= 8
    by_index = {row.index: row for row in report.images}
    shown = [by_index[example.index] for example in report.examples]
    assert all(row.adversarial_prediction is not None for row in shown)
    assert len({row.label for row in shown}) > 1


def test_an_audit_that_ended_early_has_rows_of_the_images_that_it_attacked() -> None:
    report = run_audit(request(linear_target(WEIGHTS * 1000, torch.zeros(3))), Silence()).report
    assert report.extent is not None
    assert report.extent.ended_early
    assert len(report.images) == report.extent.attacked
    check_against_figures(report)


def test_nothing_is_verified_where_the_verification_was_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(audit_run, "verify", interrupted)
    report = run_audit(request(linear_target(WEIGHTS, torch.zeros(3))), Silence()).report
    assert len(report.images) == 50
    assert {row.verified for row in report.images} == {None}
    assert any(row.fooled_by for row in report.images)


def test_an_attack_has_a_row_for_every_image() -> None:
    """A linear model: DeepFool's kin finds the nearest boundary, whose distance is known."""
    target = linear_target(WEIGHTS, torch.zeros(3))
    labels = (IMAGES @ WEIGHTS.T).argmax(1)
    sample = Sample(IMAGES, labels, torch.arange(120), DataFacts("toy", 120, ""), tuple(f"{n}.png" for n in range(120)))
    report, adversarial = run_one_attack(
        prepare(target, sample, 0, 256), Trial(Fab(steps=50), Threat(Norm.L2, 0.3)), Provenance("0", "", "")
    )
    fooled = [row for row in report.images if row.fooled_by]
    assert [row.index for row in fooled] == adversarial.ids[adversarial.fooled].tolist()
    assert [row.adversarial_prediction for row in fooled] == adversarial.after.exact[adversarial.fooled].tolist()
    lengths = flat_norm(adversarial.images - adversarial.original)
    assert [row.distance for row in fooled] == pytest.approx(lengths[adversarial.fooled].tolist())
    assert {row.fooled_by for row in fooled} == {"fab"}
    assert {row.verified for row in report.images} == {None}
    assert [row.name for row in report.images] == list(sample.names)
    scores = IMAGES @ WEIGHTS.T
    gaps = scores.topk(2, dim=1).values
    held = [row for row in report.images if not row.fooled_by]
    wanted = (gaps[:, 0] - gaps[:, 1])[[row.index for row in held]]
    assert [row.margin for row in held] == pytest.approx(wanted.tolist(), rel=1e-4)
    assert report.examples == ()  # vectors are no pictures


def test_scores_that_are_no_numbers_have_no_margin() -> None:
    target = replace(
        linear_target(WEIGHTS, torch.zeros(3)), deployed=lambda images: torch.full((len(images), 3), torch.nan)
    )
    sample = Sample(IMAGES, torch.zeros(120, dtype=torch.int64), torch.arange(120), DataFacts("toy", 120, ""))
    report, _ = run_one_attack(
        prepare(target, sample, 0, 256), Trial(Pgd(), Threat(Norm.LINF, 0.1)), Provenance("", "", "")
    )
    assert {row.margin for row in report.images} == {None}


def test_the_answer_shown_is_the_wrong_one_where_sessions_differ() -> None:
    """0.52 is class 1 in the exact session and 0 in the default one, which counts as well."""
    report, _ = run_one_attack(
        prepare(step(0.5, 0.53), PIXELS, 0, 256),
        Trial(Pgd(restarts=4, stop_at_success=False), Threat(Norm.LINF, 0.1)),
        Provenance("", "", ""),
    )
    assert [row.adversarial_prediction for row in report.images] == [None, 1, 1, 1, 0, None]


@pytest.mark.parametrize("threat", [Threat(Norm.LINF, 0.1), Threat(Norm.L2, 0.3)], ids=["linf", "l2"])
def test_every_counterexample_that_is_kept_is_the_one_of_its_row(threat: Threat) -> None:
    """Whatever network it was climbed on: each is put before the model once more."""
    target = linear_target(WEIGHTS * 1000, torch.zeros(3))
    given = request(target, threat=threat, effort=Effort.STANDARD, all_images=True)
    audited = run_audit(replace(given, keep_images=True), Silence())
    confirmed, rows = audited.confirmed, [row for row in audited.report.images if row.fooled_by]
    assert confirmed is not None
    assert len({row.fooled_by for row in rows}) > 1
    assert confirmed.ids.tolist() == [row.index for row in rows]
    assert torch.equal(confirmed.original, IMAGES[confirmed.ids])
    answers = audited.target.deployed(confirmed.adversarial).argmax(1)
    assert answers.tolist() == [row.adversarial_prediction for row in rows]
    assert bool((answers != confirmed.labels).all())
    lengths = whole_lengths(confirmed.adversarial - confirmed.original, threat.norm)
    assert [row.distance for row in rows] == pytest.approx(lengths.tolist())
    assert float(lengths.max()) <= threat.eps * (1 + 1e-5)


def test_no_images_are_kept_unless_they_are_asked_for() -> None:
    assert run_audit(request(linear_target(WEIGHTS, torch.zeros(3))), Silence()).confirmed is None
