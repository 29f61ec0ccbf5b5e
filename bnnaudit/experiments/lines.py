"""What is run for each key of a table's rows: the attack, its name, and the norm that it is for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bnnaudit.core.attack import (
    Apgd,
    AttackSettings,
    Beta,
    BetaRule,
    BrendelBethge,
    DeepFool,
    ErrorSignal,
    Fgsm,
    LossKind,
    Pgd,
    Square,
)
from bnnaudit.core.surrogate import NARROWING
from bnnaudit.experiments.paper import AttackSize
from bnnaudit.experiments.sizes import FGSM, L2, LINF

NJS, HNS = Beta(BetaRule.NJS), Beta(BetaRule.HNS)
RESTARTED = "pgd 20 starts"
"""The key of the row whose number of random starts --restarts sets."""
PAPER_RESTARTS = int(RESTARTED.split()[1])
"""Its random starts in the paper."""
OURS = "pgd++ hns narrowing"
"""The key of a row of this tool's own, PGD++ with a surrogate that narrows, for which the paper has no figures."""
FOOLBOX_STEPS = 50
"""Of DeepFool and of Brendel & Bethge's attack. The paper ran both with Foolbox's defaults, "100-1000 iterations"; here DeepFool
has Foolbox's 50, and Brendel & Bethge's attack as many: it goes image by image."""


@dataclass(frozen=True, slots=True)
class Line:
    """One attack of a table. size: which of the sizes it has. make: its settings, given those."""

    name: str
    size: str
    make: Callable[[AttackSize], AttackSettings]


def _fgsm(name: str, beta: Beta | None = None, loss: LossKind = LossKind.CROSS_ENTROPY) -> Line:
    return Line(name, FGSM, lambda size: Fgsm(step_size=size.step, beta=beta or Beta(), loss=loss))


def _pgd(name: str, beta: Beta | None = None, loss: LossKind = LossKind.CROSS_ENTROPY, size: str = LINF) -> Line:
    return Line(name, size, lambda size: Pgd(step_size=size.step, steps=size.steps, beta=beta or Beta(), loss=loss))


LINES: Mapping[str, Line] = {
    "fgsm": _fgsm("FGSM"),
    "fgsm dlr": _fgsm("FGSM DLR", loss=LossKind.DLR),
    "fgsm++ njs": _fgsm("FGSM++ NJS", NJS),
    "fgsm++ hns": _fgsm("FGSM++ HNS", HNS),
    "pgd": _pgd("PGD"),
    "pgd dlr": _pgd("PGD DLR", loss=LossKind.DLR),
    "pgd++ njs": _pgd("PGD++ NJS", NJS),
    "pgd++ hns": _pgd("PGD++ HNS", HNS),
    "pgd l2": _pgd("PGD, L2", size=L2),
    "pgd++ njs l2": _pgd("PGD++ NJS, L2", NJS, size=L2),
    "pgd++ hns l2": _pgd("PGD++ HNS, L2", HNS, size=L2),
    "apgd dlr": Line("APGD DLR", LINF, lambda size: Apgd(steps=size.steps, loss=LossKind.DLR)),
    # The paper names no number of queries; 5,000 are the usual ones.
    "square": Line("Square", LINF, lambda size: Square()),
    "deepfool": Line("DeepFool", LINF, lambda size: DeepFool(steps=FOOLBOX_STEPS)),
    "bba": Line("B&B", LINF, lambda size: BrendelBethge(steps=FOOLBOX_STEPS)),
    OURS: Line(
        f"PGD++ HNS, {NARROWING}",
        LINF,
        lambda size: Pgd(step_size=size.step, steps=size.steps, beta=HNS, surrogate=NARROWING),
    ),
}


def restarted(restarts: int) -> Line:
    """PGD with this many random starts."""
    name = f"PGD, {restarts} starts" if restarts > 1 else "PGD, 1 start"
    return Line(name, LINF, lambda size: Pgd(step_size=size.step, steps=size.steps, restarts=restarts))


def line_of(key: str, restarts: int) -> Line:
    """The attack for a key; `fgsm b=0.1` has that temperature, `njs rho=0.01` and `bound rho=0.01` are PGD++ with that rho."""
    if key == RESTARTED:
        return restarted(restarts)
    name, _, b = key.partition(" b=")
    if b:
        make = {FGSM: _fgsm, LINF: _pgd}[name]
        return make(f"{name.upper()}, b = {b}", Beta(BetaRule.FIXED, float(b)))
    rule, _, rho = key.partition(" rho=")
    if rho:
        return _at_rho(Beta(BetaRule(rule), rho=float(rho)), f"rho = {rho}")
    return LINES[key]


def _at_rho(beta: Beta, name: str) -> Line:
    """PGD++ with a rule that has a rho.

    With Proposition 1 alone it takes the plain error signal, as the paper does: that a small rho leaves too little signal shows
    only in arithmetic that underflows.
    """
    signal = ErrorSignal.PLAIN if beta.rule is BetaRule.BOUND else ErrorSignal.AUTO
    return Line(name, LINF, lambda size: Pgd(step_size=size.step, steps=size.steps, beta=beta, error_signal=signal))
