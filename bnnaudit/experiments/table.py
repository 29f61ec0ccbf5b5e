"""Tables and figures of [Gupta & Ajanthan 2022] that can be reproduced: what is run for each, beside the paper's figures."""

from collections.abc import Mapping

from bnnaudit.core.attack import AttackSettings, Beta, BetaRule, LossKind, Method
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
PLUS = {"PGD++ (NJS)": AttackSettings(beta=NJS), "PGD++ (HNS)": AttackSettings(beta=HNS)}


def _attacks(figures: paper.Accuracies, attacks: Mapping[str, AttackSettings]) -> tuple[AttackLine, ...]:
    """The paper's rows with their attacks, then PGD++ with a surrogate that narrows, for which the paper has no figures."""
    ours = AttackLine(AttackSettings(beta=HNS, surrogate=NARROWING), (None,) * len(figures.columns))
    return (*(AttackLine(attacks[name], row) for name, row in figures.rows.items()), ours)


EXPERIMENTS: Mapping[TableName, Experiment] = {
    TableName.TABLE5: AttackTable(
        title="FGSM and PGD with DLR loss against FGSM++ and PGD++",
        measured_on=f"ResNet-18, {CIFAR10_LINF}; * trained adversarially",
        columns=paper.TABLE5.columns,
        lines=_attacks(
            paper.TABLE5,
            {
                "FGSM": AttackSettings(method=Method.FGSM, steps=1),
                "FGSM (DLR)": AttackSettings(method=Method.FGSM, steps=1, loss=LossKind.DLR),
                "FGSM++ (NJS)": AttackSettings(method=Method.FGSM, steps=1, beta=NJS),
                "FGSM++ (HNS)": AttackSettings(method=Method.FGSM, steps=1, beta=HNS),
                "PGD": AttackSettings(),
                "PGD (DLR)": AttackSettings(loss=LossKind.DLR),
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
                "APGD (DLR)": AttackSettings(method=Method.APGD, loss=LossKind.DLR),
                "Square": AttackSettings(method=Method.SQUARE),
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
                "PGD": AttackSettings(),
                "DeepFool": AttackSettings(method=Method.DEEPFOOL, steps=50),
                "BBA": AttackSettings(method=Method.BRENDEL_BETHGE, steps=50),
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
            AttackSettings(),
            AttackSettings(beta=NJS),
            AttackSettings(
                steps=100,
                restarts=10,
                beta=NJS,
                surrogate=Surrogate(SurrogateKind.ARCTAN, 4, WidthUnit.REACH, 0.5),
                momentum=0.75,
                final_step=0.1,
            ),
            AttackSettings(method=Method.IPROP),
            AttackSettings(method=Method.AUTO),
        ),
    ),
}
