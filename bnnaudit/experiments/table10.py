"""[Gupta & Ajanthan 2022] Table 10: PGD++ against DeepFool and Brendel & Bethge's attack. Figures: ICLR 2021 submission, Table 9.

The paper ran both with Foolbox's defaults, "100-1000 iterations". Here DeepFool has Foolbox's 50, and Brendel & Bethge's attack
as many: it goes image by image.
"""

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, Method
from bnnaudit.experiments.own_attack import own_line
from bnnaudit.experiments.values import CIFAR10_LINF, AttackLine, AttackTable, NetworkKind, PaperColumn

TABLE10 = AttackTable(
    title="DeepFool and Brendel & Bethge's attack against PGD++",
    measured_on=f"{CIFAR10_LINF}; DeepFool and B&B as Foolbox has them",
    columns=(PaperColumn(NetworkKind.BNN_WAQ, "ResNet-18"), PaperColumn(NetworkKind.BNN_WAQ, "VGG-16")),
    lines=(
        AttackLine(AttackSettings(), (8.57, 78.01)),
        AttackLine(AttackSettings(method=Method.DEEPFOOL, steps=50), (18.92, 12.12)),
        AttackLine(AttackSettings(method=Method.BRENDEL_BETHGE, steps=50), (0.81, 0.10)),
        AttackLine(AttackSettings(beta=Beta(BetaRule.NJS)), (0.03, 0.01)),
        AttackLine(AttackSettings(beta=Beta(BetaRule.HNS)), (0.04, 0.02)),
        own_line(2),
    ),
)
