"""Radius, step and steps: Table 6's for the paper's data, in the same proportions elsewhere."""

from __future__ import annotations

import pytest

from bnnaudit.core.threat import Norm
from bnnaudit.experiments.paper import AttackSize, paper
from bnnaudit.experiments.sizes import attack_sizes


@pytest.mark.parametrize("data", ["CIFAR-10", "CIFAR-10 (JPEG copy)", "cifar10"])
def test_the_paper_s_data_have_the_paper_s_sizes(data: str) -> None:
    found = attack_sizes(data, Norm.LINF, 0.3, 3072)
    assert found.of == {name: size for (known, name), size in paper().sizes.items() if known == "CIFAR-10"}
    assert found.words({"linf"}) == "L-inf 8/255, step 2/255, 20 steps (Table 6)"
    assert found.words({"linf", "l2"}).endswith("; L2 120/255, step 15/255, 20 steps (Table 6)")
    assert found.words(set()) == ""


def test_cifar_100_has_half_of_it() -> None:
    found = attack_sizes("CIFAR-100", Norm.LINF, 0.3, 3072)
    assert found.of["pgd"] == AttackSize(4 / 255, 1 / 255, 10)


def test_other_data_have_the_card_s_radius_and_the_same_proportions() -> None:
    found = attack_sizes("digits", Norm.LINF, 0.2, 64).of
    assert found["fgsm"] == AttackSize(0.2, pytest.approx(0.2), 1)
    assert found["pgd"] == AttackSize(0.2, pytest.approx(0.05), 20)
    # 15 times the radius for 3072 numbers, and the diagonal of an image grows with their root.
    assert found["pgd l2"].eps == pytest.approx(0.2 * 15 * (64 / 3072) ** 0.5)
    assert found["pgd l2"].step == pytest.approx(found["pgd l2"].eps / 8)


def test_a_card_s_l2_radius_comes_back() -> None:
    there = attack_sizes("digits", Norm.LINF, 0.2, 64).of
    back = attack_sizes("digits", Norm.L2, there["pgd l2"].eps, 64).of
    assert back["pgd l2"].eps == there["pgd l2"].eps
    assert back["pgd"].eps == pytest.approx(0.2)


def test_a_radius_that_was_asked_for_comes_before_the_paper_s() -> None:
    found = attack_sizes("CIFAR-100", Norm.LINF, 8 / 255, 3072, given=True)
    assert not found.from_paper
    assert found.of["pgd"] == AttackSize(8 / 255, pytest.approx(2 / 255), 10)
    assert found.of["pgd l2"].eps == pytest.approx(120 / 255)
