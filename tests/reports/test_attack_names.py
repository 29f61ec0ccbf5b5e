"""Every method and loss has a name for people, and says nothing of what it does not use."""

import pytest

from bnnaudit.core.attack import (
    Auto,
    Beta,
    BetaRule,
    Budget,
    DeepFool,
    LossKind,
    Method,
    Pgd,
    settings_of,
)
from bnnaudit.reports.attack_names import attack_name, capitalised, effort, surrogate_name, temperature_name
from bnnaudit.reports.numbers import MISSING


@pytest.mark.parametrize(
    ("method", "loss", "rule", "name"),
    [
        ("pgd", "ce", "none", "PGD"),
        ("pgd", "dlr", "none", "PGD DLR"),
        ("pgd", "margin", "hns", "PGD++ margin"),
        ("apgd", "ce", "none", "APGD"),
        ("apgd", "ce", "njs", "APGD++"),
        ("apgd", "dlr-targeted", "none", "APGD-T"),
        ("apgd", "margin-targeted", "none", "APGD-T margin"),
        ("fab", "ce", "none", "FAB"),
        ("fab", "dlr-targeted", "none", "FAB-T"),
        ("deepfool", "dlr", "none", "DeepFool"),
        ("bba", "ce", "none", "B&B"),
        ("hard-label", "margin", "none", "hard label"),
    ],
)
def test_names(method: str, loss: str, rule: str, name: str) -> None:
    assert attack_name(settings_of(Method(method), loss=LossKind(loss), beta=Beta(BetaRule(rule)))) == name


def test_every_combination_has_one() -> None:
    names = {(method, loss): attack_name(settings_of(method, loss=loss)) for method in Method for loss in LossKind}
    climbing = [name for (method, _), name in names.items() if method.climbs]
    assert len(set(climbing)) == len(climbing)
    assert all(names.values())


def test_what_a_method_does_not_use_is_a_dash() -> None:
    for method in (Method.SQUARE, Method.RANDOM, Method.HARD_LABEL):
        search = settings_of(method)
        assert (temperature_name(search), surrogate_name(search), effort(search)) == (MISSING, MISSING, "5,000 q x 1")
    deepfool = DeepFool()
    assert (temperature_name(deepfool), surrogate_name(deepfool), effort(deepfool)) == (MISSING, "identity", "20 x 1")
    pgd = Pgd(restarts=3)
    assert (temperature_name(pgd), surrogate_name(pgd), effort(pgd)) == ("1", "identity", "20 x 3")


def test_auto_shows_its_budget() -> None:
    assert effort(Auto(budget=Budget.parse("1500"))) == "1,500 g"
    assert effort(Auto(budget=Budget.parse("30s"))) == "30s"


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("pgd++ with hns", "PGD++ with hns"),
        ("fgsm, pgd: both", "FGSM, PGD: both"),
        ("auto", "auto"),
        ("deepfool", "DeepFool"),
        ("square", "Square"),
        ("", ""),
    ],
)
def test_methods_in_a_sentence_are_spelled_as_by_themselves(words: str, shown: str) -> None:
    assert capitalised(words) == shown
