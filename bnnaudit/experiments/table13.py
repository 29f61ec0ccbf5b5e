"""[Gupta & Ajanthan 2022] Table 13: what the two temperatures do to the signal. Figures: ICLR 2021 submission, Table 12."""

from bnnaudit.experiments.values import NetworkKind, PropagationTable, QuantityLine

_REF, _WQ, _WAQ = NetworkKind.REF, NetworkKind.BNN_WQ, NetworkKind.BNN_WAQ

TABLE13 = PropagationTable(
    title="Signal propagation as it is, with NJS and with HNS",
    measured_on="ResNet-18 on CIFAR-10, 500 correctly classified images",
    lines=(
        QuantityLine(
            "singular values of b J, mean",
            "jsv_mean",
            {_REF: (8.09, 0.951, 2.38), _WQ: (35.3, 0.995, 11.9), _WAQ: (1.11, 0.224, 4.65)},
        ),
        QuantityLine(
            "singular values, std. dev.",
            "jsv_std",
            {_REF: (6.27, 0.758, 4.41), _WQ: (35.3, 0.971, 213.0), _WAQ: (1.97, 0.673, 124.0)},
        ),
        QuantityLine(
            "error signal, ||psi||",
            "psi_norm",
            {_REF: (0.00908, 0.466, 0.148), _WQ: (0.00620, 0.537, 0.207), _WAQ: (0.00946, 0.120, 0.244)},
        ),
        QuantityLine(
            "gradient, ||dl/dx||",
            "gradient_norm",
            {_REF: (0.242, 0.952, 0.749), _WQ: (0.227, 0.891, 0.370), _WAQ: (0.0633, 0.124, 0.270)},
        ),
        QuantityLine(
            "its signs, ||sign(dl/dx)||",
            "sign_norm",
            {_REF: (55.5, 55.5, 55.5), _WQ: (43.9, 55.5, 55.5), _WAQ: (55.5, 55.5, 55.5)},
        ),
    ),
)
