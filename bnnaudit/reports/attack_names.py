"""Names of attacks in reports."""

from bnnaudit.core.attack import AttackSettings, Auto, BetaRule, BudgetUnit, LossKind, Method, Search, options_of
from bnnaudit.reports.numbers import MISSING, count

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
    Method.RANDOM: "random search",
    Method.HARD_LABEL: "hard label",
    Method.AUTO: "auto",
}


def attack_name(settings: AttackSettings) -> str:
    """`PGD`, `PGD++`, with the loss where it is not the cross-entropy: `PGD++ DLR`."""
    name = _NAMES.get(settings.method, str(settings.method).upper()) + ("++" if settings.name.endswith("++") else "")
    if settings.method is Method.FAB:
        return name + ("-T" if settings.loss.targeted else "")
    return name + (_LOSSES[settings.loss] if settings.method.climbs else "")


def temperature_name(settings: AttackSettings) -> str:
    """The temperature rule or the fixed b; `1` for the ordinary attack, a dash where no logits are scaled."""
    if not settings.method.climbs:
        return MISSING
    return "1" if settings.beta.rule is BetaRule.NONE else str(settings.beta)


def surrogate_name(settings: AttackSettings) -> str:
    """The surrogate, a dash where no gradient is used or the method chooses for itself."""
    return str(settings.surrogate) if "surrogate" in options_of(settings.method) else MISSING


def loss_name(loss: LossKind) -> str:
    """`CE`, `DLR`, `margin`; the targeted ones `DLR-T`, `margin-T`."""
    name, _, targeted = str(loss).partition("-")
    name = name if loss in (LossKind.MARGIN, LossKind.MARGIN_TARGETED) else name.upper()
    return f"{name}-T" if targeted else name


def effort(settings: AttackSettings) -> str:
    """Steps x restarts: `20 x 1`; queries for a search without gradients: `5,000 q x 1`; the budget of `auto`: `300 g`."""
    match settings:
        case Auto():
            seconds = settings.budget.unit is BudgetUnit.SECONDS
            return str(settings.budget) if seconds else f"{count(round(settings.budget.amount))} g"
        case Search():
            return f"{count(settings.queries)} q x {settings.restarts}"
        case _:
            return f"{settings.steps} x {settings.restarts}"


def capitalised(attack: str) -> str:
    """An attack named in a sentence's words, `pgd++ with hns` -> `PGD++ with hns`, `auto` -> `auto`."""
    return " ".join(_spelled(word) for word in attack.split(" "))


def _spelled(word: str) -> str:
    """A method's name as reports write it, with the signs that may follow it; any other word as it is."""
    bare = word.rstrip("+,:")
    return _NAMES.get(Method(bare), bare.upper()) + word[len(bare) :] if bare in tuple(Method) else word
