"""Tables and figures of [Gupta & Ajanthan 2022] that can be reproduced: what is run for each, beside the paper's figures.

They are those of its submission to ICLR 2021 (openreview.net, RGeQOjc58d), whose tables of the appendix have numbers one lower
than those of the AAAI 2022 version, which may have revised them. What was not seen there is None, never guessed.
"""

from collections.abc import Mapping

from bnnaudit.core.attack import (
    Apgd,
    AttackSettings,
    Auto,
    Beta,
    BetaRule,
    BrendelBethge,
    DeepFool,
    Fgsm,
    Iprop,
    LossKind,
    Pgd,
    Square,
)
from bnnaudit.core.surrogate import NARROWING, Surrogate, SurrogateKind, WidthUnit
from bnnaudit.experiments.values import (
    CIFAR10_LINF,
    AttackLine,
    AttackTable,
    CleverTable,
    Experiment,
    NetworkKind,
    PaperColumn,
    PropagationTable,
    QuantityLine,
    RadiusFigure,
    RuleLine,
    TableName,
)

REF, WQ, WAQ = NetworkKind
NJS, HNS = Beta(BetaRule.NJS), Beta(BetaRule.HNS)
PGD_NJS, PGD_HNS = Pgd(beta=NJS), Pgd(beta=HNS)
PROPAGATION: Mapping[tuple[str, str], Mapping[NetworkKind, tuple[float, float, float]]] = {
    ("singular values of b J, mean", "jsv_mean"):
        {REF: (8.09, 0.951, 2.38), WQ: (35.3, 0.995, 11.9), WAQ: (1.11, 0.224, 4.65)},
    ("singular values, std. dev.", "jsv_std"):
        {REF: (6.27, 0.758, 4.41), WQ: (35.3, 0.971, 213.0), WAQ: (1.97, 0.673, 124.0)},
    ("error signal, ||psi||", "psi_norm"):
        {REF: (0.00908, 0.466, 0.148), WQ: (0.00620, 0.537, 0.207), WAQ: (0.00946, 0.120, 0.244)},
    ("gradient, ||dl/dx||", "gradient_norm"):
        {REF: (0.242, 0.952, 0.749), WQ: (0.227, 0.891, 0.370), WAQ: (0.0633, 0.124, 0.270)},
    ("its signs, ||sign(dl/dx)||", "sign_norm"):
        {REF: (55.5, 55.5, 55.5), WQ: (43.9, 55.5, 55.5), WAQ: (55.5, 55.5, 55.5)},
}  # fmt: skip
"""By label and field of a `SignalRow`: as the network is, with NJS, with HNS."""


def _and_ours(*lines: tuple[AttackSettings, tuple[float, ...]]) -> tuple[AttackLine, ...]:
    """The paper's rows, then PGD++ with a surrogate that narrows, for which the paper has no figures."""
    ours = AttackLine(Pgd(beta=HNS, surrogate=NARROWING), (None,) * len(lines[0][1]))
    return (*(AttackLine(*line) for line in lines), ours)


EXPERIMENTS: Mapping[TableName, Experiment] = {
    TableName.TABLE5: AttackTable(
        title="FGSM and PGD with DLR loss against FGSM++ and PGD++",
        measured_on=f"ResNet-18, {CIFAR10_LINF}; * trained adversarially",
        columns=(
            *(PaperColumn(kind, str(kind)) for kind in NetworkKind),
            *(PaperColumn(kind, f"{kind}*") for kind in (REF, WQ)),
        ),
        lines=_and_ours(
            (Fgsm(), (7.62, 40.49, 40.84, 62.38, 55.10)),
            (Fgsm(loss=LossKind.DLR), (19.48, 19.72, 41.78, 66.39, 59.14)),
            (Fgsm(beta=NJS), (5.55, 3.46, 19.46, 61.43, 54.74)),
            (Fgsm(beta=HNS), (5.35, 2.51, 19.09, 61.40, 53.82)),
            (Pgd(), (0.00, 26.98, 8.57, 48.73, 41.34)),
            (Pgd(loss=LossKind.DLR), (0.00, 0.00, 4.57, 49.73, 41.42)),
            (PGD_NJS, (0.00, 0.00, 0.03, 47.17, 40.76)),
            (PGD_HNS, (0.00, 0.00, 0.04, 48.54, 40.67)),
        ),
    ),
    # The paper names no number of queries; 5,000 are the usual ones.
    TableName.TABLE8: AttackTable(
        title="APGD and the Square Attack against PGD++",
        measured_on="CIFAR-10, L-inf 8/255; the numbers of steps and queries are not stated",
        columns=tuple(PaperColumn(kind, network) for network in ("ResNet-18", "VGG-16") for kind in NetworkKind),
        lines=_and_ours(
            (Apgd(loss=LossKind.DLR), (0.00, 0.00, 6.32, 0.79, 8.23, 0.38)),
            (Square(), (0.55, 0.41, 21.45, 2.25, 1.98, 16.67)),
            (PGD_NJS, (0.00, 0.00, 0.03, 0.00, 0.00, 0.01)),
            (PGD_HNS, (0.00, 0.00, 0.04, 0.00, 0.00, 0.02)),
        ),
    ),
    # The paper ran both with Foolbox's defaults, "100-1000 iterations". Here DeepFool has Foolbox's 50, and Brendel & Bethge's
    # attack as many: it goes image by image.
    TableName.TABLE10: AttackTable(
        title="DeepFool and Brendel & Bethge's attack against PGD++",
        measured_on=f"{CIFAR10_LINF}; DeepFool and B&B as Foolbox has them",
        columns=(PaperColumn(WAQ, "ResNet-18"), PaperColumn(WAQ, "VGG-16")),
        lines=_and_ours(
            (Pgd(), (8.57, 78.01)),
            (DeepFool(steps=50), (18.92, 12.12)),
            (BrendelBethge(steps=50), (0.81, 0.10)),
            (PGD_NJS, (0.03, 0.01)),
            (PGD_HNS, (0.04, 0.02)),
        ),
    ),
    # The paper took ART's implementation with 50 batches of 10 draws in an L1 ball of radius 5.
    TableName.TABLE11: CleverTable(
        title="CLEVER scores without and with a temperature",
        measured_on="ResNet-18 on CIFAR-10, L1 ball of radius 5, 50 batches of 10 draws (ART)",
        lines=(
            RuleLine("as it is", Beta(), {WQ: 0.8585, WAQ: 0.7239}),
            RuleLine("b = 0.01", Beta(BetaRule.FIXED, 0.01), {WQ: 0.8845, WAQ: 3.1578}),
            RuleLine("NJS", NJS, {WQ: 0.4139, WAQ: 0.3120}),
            RuleLine("HNS", HNS, {WQ: 0.3450, WAQ: 0.2774}),
        ),
        batches=50,
        draws=10,
    ),
    TableName.TABLE13: PropagationTable(
        title="Signal propagation as it is, with NJS and with HNS",
        measured_on="ResNet-18 on CIFAR-10, 500 correctly classified images",
        lines=tuple(QuantityLine(label, quantity, figures) for (label, quantity), figures in PROPAGATION.items()),
    ),
    # PGD and the first PGD++ are as the paper ran them, 20 steps and straight-through; the second goes through a surrogate that
    # narrows with the reach of each layer, with momentum, shrinking steps and restarts. The paper draws curves without figures.
    TableName.FIGURE2: RadiusFigure(
        title="PGD and PGD++ (NJS) against IPROP, and what auto leaves",
        measured_on="a binary network of 5 x 100 units on MNIST; curves without figures",
        attacks=(
            Pgd(),
            PGD_NJS,
            Pgd(
                steps=100,
                restarts=10,
                beta=NJS,
                surrogate=Surrogate(SurrogateKind.ARCTAN, 4, WidthUnit.REACH, 0.5),
                momentum=0.75,
                final_step=0.1,
            ),
            Iprop(),
            Auto(),
        ),
    ),
}
