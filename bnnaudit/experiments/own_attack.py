"""A row beside the paper's: its attack with the surrogate that this tool would choose, in as many steps."""

from bnnaudit.core.attack import Beta, BetaRule, Pgd
from bnnaudit.core.surrogate import NARROWING
from bnnaudit.experiments.values import AttackLine


def own_line(columns: int) -> AttackLine:
    """PGD++ (HNS) through a surrogate that narrows with the reach of each layer; the paper has no figures for it."""
    return AttackLine(Pgd(beta=Beta(BetaRule.HNS), surrogate=NARROWING), (None,) * columns)
