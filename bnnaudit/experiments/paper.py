"""The paper's own figures, each once: by table, row and column.

They are those of its submission to ICLR 2021 (openreview.net, RGeQOjc58d), whose tables of the appendix have numbers one lower
than those of the AAAI 2022 version, which may have revised them. What was not seen there is None, never guessed.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bnnaudit.experiments.values import NetworkKind, PaperColumn

REF, WQ, WAQ = NetworkKind


@dataclass(frozen=True, slots=True)
class Accuracies:
    """Adversarial accuracies in percent: for each row, by the name that the paper gives it, a figure for each column."""

    columns: tuple[PaperColumn, ...]
    rows: Mapping[str, tuple[float | None, ...]]


TABLE5 = Accuracies(
    columns=(
        PaperColumn(REF, "REF"),
        PaperColumn(WQ, "BNN-WQ"),
        PaperColumn(WAQ, "BNN-WAQ"),
        PaperColumn(REF, "REF*"),
        PaperColumn(WQ, "BNN-WQ*"),
    ),
    rows={
        "FGSM": (7.62, 40.49, 40.84, 62.38, 55.10),
        "FGSM (DLR)": (19.48, 19.72, 41.78, 66.39, 59.14),
        "FGSM++ (NJS)": (5.55, 3.46, 19.46, 61.43, 54.74),
        "FGSM++ (HNS)": (5.35, 2.51, 19.09, 61.40, 53.82),
        "PGD": (0.00, 26.98, 8.57, 48.73, 41.34),
        "PGD (DLR)": (0.00, 0.00, 4.57, 49.73, 41.42),
        "PGD++ (NJS)": (0.00, 0.00, 0.03, 47.17, 40.76),
        "PGD++ (HNS)": (0.00, 0.00, 0.04, 48.54, 40.67),
    },
)
TABLE8 = Accuracies(
    columns=tuple(PaperColumn(kind, network) for network in ("ResNet-18", "VGG-16") for kind in NetworkKind),
    rows={
        "APGD (DLR)": (0.00, 0.00, 6.32, 0.79, 8.23, 0.38),
        "Square": (0.55, 0.41, 21.45, 2.25, 1.98, 16.67),
        "PGD++ (NJS)": (0.00, 0.00, 0.03, 0.00, 0.00, 0.01),
        "PGD++ (HNS)": (0.00, 0.00, 0.04, 0.00, 0.00, 0.02),
    },
)
TABLE10 = Accuracies(
    columns=(PaperColumn(WAQ, "ResNet-18"), PaperColumn(WAQ, "VGG-16")),
    rows={
        "PGD": (8.57, 78.01),
        "DeepFool": (18.92, 12.12),
        "BBA": (0.81, 0.10),
        "PGD++ (NJS)": (0.03, 0.01),
        "PGD++ (HNS)": (0.04, 0.02),
    },
)
TABLE11: Mapping[str, Mapping[NetworkKind, float]] = {
    "as it is": {WQ: 0.8585, WAQ: 0.7239},
    "b = 0.01": {WQ: 0.8845, WAQ: 3.1578},
    "NJS": {WQ: 0.4139, WAQ: 0.3120},
    "HNS": {WQ: 0.3450, WAQ: 0.2774},
}
"""CLEVER scores in the L1 norm."""
TABLE13: Mapping[str, Mapping[NetworkKind, tuple[float, float, float]]] = {
    "jsv_mean": {REF: (8.09, 0.951, 2.38), WQ: (35.3, 0.995, 11.9), WAQ: (1.11, 0.224, 4.65)},
    "jsv_std": {REF: (6.27, 0.758, 4.41), WQ: (35.3, 0.971, 213.0), WAQ: (1.97, 0.673, 124.0)},
    "psi_norm": {REF: (0.00908, 0.466, 0.148), WQ: (0.00620, 0.537, 0.207), WAQ: (0.00946, 0.120, 0.244)},
    "gradient_norm": {REF: (0.242, 0.952, 0.749), WQ: (0.227, 0.891, 0.370), WAQ: (0.0633, 0.124, 0.270)},
    "sign_norm": {REF: (55.5, 55.5, 55.5), WQ: (43.9, 55.5, 55.5), WAQ: (55.5, 55.5, 55.5)},
}
"""By the quantity's name in a `SignalRow`: as the network is, with NJS, with HNS."""
