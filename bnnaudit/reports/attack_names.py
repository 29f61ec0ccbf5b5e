"""Attacks as people write them."""

from bnnaudit.core.attack import AttackSettings, BetaRule, LossKind, Method

_LOSSES = {LossKind.CROSS_ENTROPY: "", LossKind.DLR: " DLR", LossKind.MARGIN: " margin"}


def attack_name(settings: AttackSettings) -> str:
    """`PGD`, `PGD++`, with the loss where it is not the cross-entropy: `PGD++ DLR`."""
    return settings.name.upper() + _LOSSES[settings.loss]


def temperature_name(settings: AttackSettings) -> str:
    """The temperature rule or the fixed b; `1` for the ordinary attack."""
    return "1" if settings.beta.rule is BetaRule.NONE else str(settings.beta)


def capitalised(attack: str) -> str:
    """An attack named in a sentence's words, `pgd++ with hns` -> `PGD++ with hns`."""
    methods = tuple(Method)
    return " ".join(word.upper() if word.rstrip("+,:") in methods else word for word in attack.split(" "))
