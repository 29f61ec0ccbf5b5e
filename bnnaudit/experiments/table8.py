"""Table 8 of [Gupta & Ajanthan 2022]: PGD++ against APGD with DLR loss and Square Attack. Figures: ICLR 2021 submission, Table 7.

The paper names no number of queries; 5,000 are the usual ones.
"""

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, LossKind, Method
from bnnaudit.experiments.own_attack import own_line
from bnnaudit.experiments.values import AttackLine, AttackTable, NetworkKind, PaperColumn

TABLE8 = AttackTable(
    title="APGD and the Square Attack against PGD++",
    measured_on="CIFAR-10, L-inf 8/255; the numbers of steps and queries are not stated",
    columns=tuple(PaperColumn(kind, network) for network in ("ResNet-18", "VGG-16") for kind in NetworkKind),
    lines=(
        AttackLine(AttackSettings(method=Method.APGD, loss=LossKind.DLR), (0.00, 0.00, 6.32, 0.79, 8.23, 0.38)),
        AttackLine(AttackSettings(method=Method.SQUARE), (0.55, 0.41, 21.45, 2.25, 1.98, 16.67)),
        AttackLine(AttackSettings(beta=Beta(BetaRule.NJS)), (0.00, 0.00, 0.03, 0.00, 0.00, 0.01)),
        AttackLine(AttackSettings(beta=Beta(BetaRule.HNS)), (0.00, 0.00, 0.04, 0.00, 0.00, 0.02)),
        own_line(6),
    ),
)
