"""Attacks as people write them."""

from bnnaudit.core.attack import AttackSettings, BetaRule, LossKind, Method

_LOSSES = {
    LossKind.CROSS_ENTROPY: "",
    LossKind.DLR: " DLR",
    LossKind.MARGIN: " margin",
    LossKind.DLR_TARGETED: "-T",
    LossKind.MARGIN_TARGETED: "-T margin",
}
_NAMES = {
    Method.DEEPFOOL: "DeepFool",
    Method.BRENDEL_BETHGE: "B&B",
    Method.SQUARE: "Square",
    Method.RANDOM: "Random",
    Method.AUTO: "Auto",
}
_STEPLESS = (Method.SQUARE, Method.RANDOM, Method.IPROP, Method.AUTO)
NOT_USED = "-"


def attack_name(settings: AttackSettings) -> str:
    """`PGD`, `PGD++`, with the loss where it is not the cross-entropy: `PGD++ DLR`."""
    name = _NAMES.get(settings.method, str(settings.method).upper()) + ("++" if settings.name.endswith("++") else "")
    if settings.method is Method.FAB:
        return name + ("-T" if settings.loss.targeted else "")
    return name + (_LOSSES[settings.loss] if settings.method.climbs else "")


def temperature_name(settings: AttackSettings) -> str:
    """The temperature rule or the fixed b; `1` for the ordinary attack, a dash where no logits are scaled."""
    if not settings.method.climbs:
        return NOT_USED
    return "1" if settings.beta.rule is BetaRule.NONE else str(settings.beta)


def surrogate_name(settings: AttackSettings) -> str:
    """The surrogate, a dash where no gradient is used or the method chooses for itself."""
    return NOT_USED if settings.method in _STEPLESS else str(settings.surrogate)


def steps_name(settings: AttackSettings) -> str:
    """`20 x 1`: steps x restarts; a dash for methods that take none."""
    if settings.method in _STEPLESS:
        return NOT_USED
    return f"{settings.steps} x {1 if settings.method is Method.DEEPFOOL else settings.restarts}"


def capitalised(attack: str) -> str:
    """An attack named in a sentence's words, `pgd++ with hns` -> `PGD++ with hns`."""
    methods = tuple(Method)
    return " ".join(word.upper() if word.rstrip("+,:") in methods else word for word in attack.split(" "))
