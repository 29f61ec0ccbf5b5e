"""Table 5 of [Gupta & Ajanthan 2022]: a temperature against the DLR loss (ICLR 2021 submission, Table 5), one step and many."""

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, LossKind, Method
from bnnaudit.experiments.own_attack import own_line
from bnnaudit.experiments.values import CIFAR10_LINF, AttackLine, AttackTable, NetworkKind, PaperColumn

_FGSM = AttackSettings(method=Method.FGSM, steps=1)
_PGD = AttackSettings(method=Method.PGD)
_DLR = LossKind.DLR
_NJS, _HNS = Beta(BetaRule.NJS), Beta(BetaRule.HNS)

TABLE5 = AttackTable(
    title="FGSM and PGD with DLR loss against FGSM++ and PGD++",
    measured_on=f"ResNet-18, {CIFAR10_LINF}; * trained adversarially",
    columns=(
        PaperColumn(NetworkKind.REF, "REF"),
        PaperColumn(NetworkKind.BNN_WQ, "BNN-WQ"),
        PaperColumn(NetworkKind.BNN_WAQ, "BNN-WAQ"),
        PaperColumn(NetworkKind.REF, "REF*"),
        PaperColumn(NetworkKind.BNN_WQ, "BNN-WQ*"),
    ),
    lines=(
        AttackLine(_FGSM, (7.62, 40.49, 40.84, 62.38, 55.10)),
        AttackLine(AttackSettings(method=Method.FGSM, steps=1, loss=_DLR), (19.48, 19.72, 41.78, 66.39, 59.14)),
        AttackLine(AttackSettings(method=Method.FGSM, steps=1, beta=_NJS), (5.55, 3.46, 19.46, 61.43, 54.74)),
        AttackLine(AttackSettings(method=Method.FGSM, steps=1, beta=_HNS), (5.35, 2.51, 19.09, 61.40, 53.82)),
        AttackLine(_PGD, (0.00, 26.98, 8.57, 48.73, 41.34)),
        AttackLine(AttackSettings(loss=_DLR), (0.00, 0.00, 4.57, 49.73, 41.42)),
        AttackLine(AttackSettings(beta=_NJS), (0.00, 0.00, 0.03, 47.17, 40.76)),
        AttackLine(AttackSettings(beta=_HNS), (0.00, 0.00, 0.04, 48.54, 40.67)),
        own_line(5),
    ),
)
