"""[Gupta & Ajanthan 2022] Figure 2: PGD and PGD++ (NJS) against IPROP on a fully connected network, at several radii.

PGD and the first PGD++ are as the paper ran them, 20 steps and straight-through; the second goes through a surrogate that
narrows with the reach of each layer, with momentum, shrinking steps and restarts. The paper draws curves: there are no
figures to put beside.
"""

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Method
from bnnaudit.core.surrogate import Surrogate, SurrogateKind, WidthUnit
from bnnaudit.experiments.values import RadiusFigure

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
            surrogate=Surrogate(SurrogateKind.ARCTAN, 4, WidthUnit.REACH, 0.5),
            momentum=0.75,
            final_step=0.1,
        ),
        AttackSettings(method=Method.IPROP),
        AttackSettings(method=Method.AUTO),
    ),
)
