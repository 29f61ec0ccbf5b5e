"""A small, quick part of the bank: one model a cause, and the healthy ones it was made of."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from bnnaudit.core.effort import Effort
from bnnaudit.core.finding import Severity
from bnnaudit.core.report import Report
from bnnaudit.quantization.quantizers import BinarySign
from tests.bench.bank import Entry, audit, entries, errors, found, problems
from tests.networks.broken import BatchCentred, HardRounding, Scale, Wall, WinnersTakeAll, before, behind, steep_signs

QUICK_ONES = (
    "digits-float at 0.15",
    "digits-float, L2 0.6",
    "digits-float, logits x 1000",
    "digits-float, zero backward at the input",
    "digits-float, zero backward in foreign code",
    "digits-float, cut off in foreign code",
    "digits-float, input rounded, no gradient",
    "digits-float, outer softmax, logits x 20",
    "digits-float, dropout left on",
    "digits-float, batch-dependent",
    "torch: detach trick, as trained",
    "torch: detach trick, scaled",
    "torch: all under no_grad, as trained",
    "torch: all under no_grad, scaled",
    "digits-robust, softmax in 8 bits",
    "digits-float x 60, softmax in int8, whole",
    "digits-robust, saturating logits",
    "digits-float x 60, QLinearSoftmax",
    "digits, mean of two heads",
    "digits-float, one label in ten at random",
    "digits-weak, hardly trained",
    "digits-weak, hardly trained, one class only",
    "digits-float, nine in ten of one class",
    "digits-float, labels from 1",
    "digits-waq, labels in another order",
    "digits-robust, labels of other images",
    "digits-robust, six labels in ten at random",
    "digits-robust, made for 0..255, fed 0..1",
    "digits-robust, made for BGR, fed RGB",
    "digits-robust, made for height and width swapped",
    "digits-robust, noise as images",
    "digits-robust, declares 30 %",
    "digits-robust, declares 78 %",
    "digits-robust, declares 99 %",
    "digits-float, logits x 1000, declares 90 %",
    "digits-float, logits x 1000, declares 1 %",
)


def by_name(name: str) -> Entry:
    (entry,) = (entry for entry in entries() if entry.name == name)
    return entry


def test_the_bank_has_at_least_thirty_models_of_both_kinds_on_both_data_sets() -> None:
    bank = entries()
    assert len(bank) >= 30
    assert len({entry.name for entry in bank}) == len(bank)
    for data in ("digits", "mnist"):
        kinds = [entry.healthy for entry in bank if entry.data == data]
        assert True in kinds
        assert False in kinds


@pytest.mark.parametrize("name", QUICK_ONES)
def test_the_audit_says_what_is_true(name: str) -> None:
    entry = by_name(name)
    assert problems(entry, audit(entry, samples=60)) == ()


def test_the_cure_for_a_wall_is_the_bridge_over_it() -> None:
    report = audit(by_name("digits-float, zero backward at the input"), samples=60)
    cures = {cure.name: cure.recovered for cure in report.cures}
    assert cures["bridge"].value > 0.9
    assert cures["temperature"].value < 0.05
    (finding,) = (finding for finding in report.findings if finding.rule.code == "SP205")
    assert "Wall" in finding.message


def test_a_softmax_inside_is_what_is_to_blame_and_hides_nothing() -> None:
    report = audit(by_name("digits-float, outer softmax, logits x 20"), samples=60)
    assert report.verdict is not None
    assert report.verdict.verified_accuracy is not None
    assert report.verdict.verified_accuracy.value <= 0.1
    assert not {"SP205", "SP206"} & found(report)


def test_what_broke_a_model_changes_none_of_its_answers() -> None:
    torch.manual_seed(0)
    images = torch.rand(20, 16)
    network = nn.Sequential(nn.Linear(16, 32), BinarySign(), nn.Linear(32, 5))
    for twin in (behind(network, Scale(1000.0)), before(network, Wall()), steep_signs(network, 100.0)):
        assert torch.equal(twin(images).argmax(1), network(images).argmax(1))


def test_winners_take_all_keeps_the_largest() -> None:
    assert WinnersTakeAll(0.5)(torch.tensor([[3.0, 1.0, 2.0, 0.5]])).tolist() == [[3.0, 0.0, 2.0, 0.0]]


def test_rounding_has_its_levels_and_no_gradient() -> None:
    values = torch.tensor([[0.0, 0.3, 0.6, 1.0]], requires_grad=True)
    rounded = HardRounding(3)(values)
    assert rounded.tolist() == [[0.0, 0.5, 0.5, 1.0]]
    rounded.sum().backward()
    assert values.grad is not None
    assert not values.grad.any()


def test_batch_centring_depends_on_the_company() -> None:
    assert BatchCentred()(torch.ones(3, 2)).tolist() == torch.zeros(3, 2).tolist()


def test_a_wrong_answer_is_seen() -> None:
    """The bank's own judgement can fail: a healthy report held against a broken entry, and the other way round."""
    healthy, broken = by_name("digits-float at 0.15"), by_name("digits-float, logits x 1000")
    good, bad = audit(healthy, samples=40), audit(broken, samples=40)
    assert problems(replace(broken, name="x"), good)
    assert any("false alarm" in problem for problem in problems(healthy, bad))
    assert errors(bad)
    assert not errors(good)
    assert found(bad) >= errors(bad)


def test_quick_runs_fewer_checks_than_standard(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = by_name("digits-float at 0.15")

    def run(effort: Effort) -> Report:
        return audit(entry, effort=effort, samples=30)

    quick, standard = run(Effort.QUICK), run(Effort.STANDARD)
    assert len(quick.attacks) < len(standard.attacks)
    assert any("--effort standard runs it" in skip.why for skip in quick.skipped)
    assert all(finding.severity is not Severity.ERROR for finding in standard.findings)
