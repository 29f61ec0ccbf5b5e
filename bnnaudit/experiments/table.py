"""Tables and figures of [Gupta & Ajanthan 2022] that can be reproduced: what is run for each, beside the paper's figures."""

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
from bnnaudit.experiments import paper
from bnnaudit.experiments.values import (
    CIFAR10_LINF,
    AttackLine,
    AttackTable,
    CleverTable,
    Experiment,
    PropagationTable,
    QuantityLine,
    RadiusFigure,
    RuleLine,
    TableName,
)

NJS, HNS = Beta(BetaRule.NJS), Beta(BetaRule.HNS)
PLUS = {"PGD++ (NJS)": Pgd(beta=NJS), "PGD++ (HNS)": Pgd(beta=HNS)}


def _attacks(figures: paper.Accuracies, attacks: Mapping[str, AttackSettings]) -> tuple[AttackLine, ...]:
    """The paper's rows with their attacks, then PGD++ with a surrogate that narrows, for which the paper has no figures."""
    ours = AttackLine(Pgd(beta=HNS, surrogate=NARROWING), (None,) * len(figures.columns))
    return (*(AttackLine(attacks[name], row) for name, row in figures.rows.items()), ours)


EXPERIMENTS: Mapping[TableName, Experiment] = {
    TableName.TABLE5: AttackTable(
        title="FGSM and PGD with DLR loss against FGSM++ and PGD++",
        measured_on=f"ResNet-18, {CIFAR10_LINF}; * trained adversarially",
        columns=paper.TABLE5.columns,
        lines=_attacks(
            paper.TABLE5,
            {
                "FGSM": Fgsm(),
                "FGSM (DLR)": Fgsm(loss=LossKind.DLR),
                "FGSM++ (NJS)": Fgsm(beta=NJS),
                "FGSM++ (HNS)": Fgsm(beta=HNS),
                "PGD": Pgd(),
                "PGD (DLR)": Pgd(loss=LossKind.DLR),
                **PLUS,
            },
        ),
    ),
    # The paper names no number of queries; 5,000 are the usual ones.
    TableName.TABLE8: AttackTable(
        title="APGD and the Square Attack against PGD++",
        measured_on="CIFAR-10, L-inf 8/255; the numbers of steps and queries are not stated",
        columns=paper.TABLE8.columns,
        lines=_attacks(
            paper.TABLE8,
            {
                "APGD (DLR)": Apgd(loss=LossKind.DLR),
                "Square": Square(),
                **PLUS,
            },
        ),
    ),
    # The paper ran both with Foolbox's defaults, "100-1000 iterations". Here DeepFool has Foolbox's 50, and Brendel & Bethge's
    # attack as many: it goes image by image.
    TableName.TABLE10: AttackTable(
        title="DeepFool and Brendel & Bethge's attack against PGD++",
        measured_on=f"{CIFAR10_LINF}; DeepFool and B&B as Foolbox has them",
        columns=paper.TABLE10.columns,
        lines=_attacks(
            paper.TABLE10,
            {
                "PGD": Pgd(),
                "DeepFool": DeepFool(steps=50),
                "BBA": BrendelBethge(steps=50),
                **PLUS,
            },
        ),
    ),
    # The paper took ART's implementation with 50 batches of 10 draws in an L1 ball of radius 5.
    TableName.TABLE11: CleverTable(
        title="CLEVER scores without and with a temperature",
        measured_on="ResNet-18 on CIFAR-10, L1 ball of radius 5, 50 batches of 10 draws (ART)",
        lines=tuple(
            RuleLine(beta, paper.TABLE11[name])
            for name, beta in {
                "as it is": Beta(),
                "b = 0.01": Beta(BetaRule.FIXED, 0.01),
                "NJS": NJS,
                "HNS": HNS,
            }.items()
        ),
        batches=50,
        draws=10,
    ),
    TableName.TABLE13: PropagationTable(
        title="Signal propagation as it is, with NJS and with HNS",
        measured_on="ResNet-18 on CIFAR-10, 500 correctly classified images",
        lines=tuple(
            QuantityLine(label, quantity, paper.TABLE13[quantity])
            for quantity, label in {
                "jsv_mean": "singular values of b J, mean",
                "jsv_std": "singular values, std. dev.",
                "psi_norm": "error signal, ||psi||",
                "gradient_norm": "gradient, ||dl/dx||",
                "sign_norm": "its signs, ||sign(dl/dx)||",
            }.items()
        ),
    ),
    # PGD and the first PGD++ are as the paper ran them, 20 steps and straight-through; the second goes through a surrogate that
    # narrows with the reach of each layer, with momentum, shrinking steps and restarts. The paper draws curves without figures.
    TableName.FIGURE2: RadiusFigure(
        title="PGD and PGD++ (NJS) against IPROP, and what auto leaves",
        measured_on="a binary network of 5 x 100 units on MNIST; curves without figures",
        attacks=(
            Pgd(),
            Pgd(beta=NJS),
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
