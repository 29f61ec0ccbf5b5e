"""Attacks as people write them."""

from bnnaudit.core.attack import AttackSettings, BetaRule, LossKind, Method
from bnnaudit.reports.numbers import MISSING, count

_LOSSES = {LossKind.CROSS_ENTROPY: "", LossKind.DLR: " DLR", LossKind.MARGIN: " margin"}
_SEARCHES = {Method.SQUARE: "Square", Method.RANDOM: "random search"}


def attack_name(settings: AttackSettings) -> str:
    """`PGD`, `PGD++`, with the loss where it is not the cross-entropy: `PGD++ DLR`."""
    if settings.method.searches:
        return _SEARCHES[settings.method]
    return settings.name.upper() + _LOSSES[settings.loss]


def temperature_name(settings: AttackSettings) -> str:
    """The temperature rule or the fixed b; `1` for the ordinary attack, a dash where no gradient is followed."""
    if settings.method.searches:
        return MISSING
    return "1" if settings.beta.rule is BetaRule.NONE else str(settings.beta)


def surrogate_name(settings: AttackSettings) -> str:
    """The surrogate gradient; a dash where no gradient is followed."""
    return MISSING if settings.method.searches else str(settings.surrogate)


def effort(settings: AttackSettings) -> str:
    """Steps x restarts, or for a search without gradients queries x restarts: `20 x 1`, `5,000 q x 1`."""
    work = f"{count(settings.queries)} q" if settings.method.searches else str(settings.steps)
    return f"{work} x {settings.restarts}"


def capitalised(attack: str) -> str:
    """An attack named in a sentence's words, `pgd++ with hns` -> `PGD++ with hns`."""
    methods = tuple(Method)
    return " ".join(word.upper() if word.rstrip("+,:") in methods else word for word in attack.split(" "))
