"""A row beside the paper's: its attack with the surrogate that this tool would choose, in as many steps."""

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule
from bnnaudit.core.reproduction import AttackLine
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit


def own_line(columns: int) -> AttackLine:
    """PGD++ (HNS) through a surrogate that narrows with the reach of each layer; the paper has no figures for it."""
    surrogate = Surrogate(SurrogateKind.TANH, 4, WidthUnit.REACH, 0.5)
    return AttackLine(AttackSettings(beta=Beta(BetaRule.HNS), surrogate=surrogate), (None,) * columns)
