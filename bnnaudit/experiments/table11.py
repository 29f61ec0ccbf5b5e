"""[Gupta & Ajanthan 2022] Table 11: CLEVER scores fall with NJS and HNS. Figures: ICLR 2021 submission, Table 10.

The paper took ART's implementation with 50 batches of 10 draws in an L1 ball of radius 5.
"""

from bnnaudit.core.attack import Beta, BetaRule
from bnnaudit.experiments.values import CleverTable, NetworkKind, RuleLine

TABLE11 = CleverTable(
    title="CLEVER scores without and with a temperature",
    measured_on="ResNet-18 on CIFAR-10, L1 ball of radius 5, 50 batches of 10 draws (ART)",
    lines=(
        RuleLine(Beta(), {NetworkKind.BNN_WQ: 0.8585, NetworkKind.BNN_WAQ: 0.7239}),
        RuleLine(Beta(BetaRule.FIXED, 0.01), {NetworkKind.BNN_WQ: 0.8845, NetworkKind.BNN_WAQ: 3.1578}),
        RuleLine(Beta(BetaRule.NJS), {NetworkKind.BNN_WQ: 0.4139, NetworkKind.BNN_WAQ: 0.3120}),
        RuleLine(Beta(BetaRule.HNS), {NetworkKind.BNN_WQ: 0.3450, NetworkKind.BNN_WAQ: 0.2774}),
    ),
    batches=50,
    draws=10,
)
