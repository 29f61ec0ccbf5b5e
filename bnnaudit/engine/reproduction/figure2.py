"""[G22] Figure 2: PGD and PGD++ (NJS) against IPROP on a fully connected network, at several radii.

PGD and the first PGD++ are as the paper ran them, 20 steps and straight-through; the second goes through a narrow surrogate
with restarts, in about a twentieth of IPROP's time. The paper draws curves: there are no figures to put beside.
"""

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Method
from bnnaudit.core.reproduction import RadiusFigure
from bnnaudit.core.surrogate import Surrogate, SurrogateKind

FIGURE2 = RadiusFigure(
    title="PGD and PGD++ (NJS) against IPROP, and what auto leaves",
    measured_on="a binary network of 5 x 100 units on MNIST; curves without figures",
    attacks=(
        AttackSettings(),
        AttackSettings(beta=Beta(BetaRule.NJS)),
        AttackSettings(
            steps=100,
            restarts=10,
            beta=Beta(BetaRule.NJS),
            surrogate=Surrogate.usual(SurrogateKind.TRIANGULAR, 0.1),
        ),
        AttackSettings(method=Method.IPROP),
        AttackSettings(method=Method.AUTO),
    ),
)
