"""Newer versions of standard operators that only took in more types, and so keep onnx2torch's converter.

operator -> (the version whose converter is used, the versions that it serves too). onnx2torch stops at about version 16
of the standard operators; a version whose meaning changed belongs in a family of its own, not here.
"""

from __future__ import annotations

WIDENED: dict[str, tuple[int, tuple[int, ...]]] = {
    "Acos": (7, (22,)),
    "Asin": (7, (22,)),
    "Atan": (7, (22,)),
    "BatchNormalization": (9, (7,)),
    "Cast": (13, (19, 21, 23, 24, 25)),
    "ConstantOfShape": (9, (20, 21, 23, 24, 25)),
    "Conv": (11, (22,)),
    "ConvTranspose": (11, (22,)),
    "Cos": (7, (22,)),
    "Elu": (6, (22,)),
    "Equal": (13, (19,)),
    "EyeLike": (9, (22,)),
    "Gemm": (9, (7,)),
    "GreaterOrEqual": (12, (16,)),
    "HardSigmoid": (6, (22,)),
    "HardSwish": (14, (22,)),
    "Identity": (16, (19, 21, 23, 24, 25)),
    "InstanceNormalization": (6, (22,)),
    "IsInf": (10, (20,)),
    "IsNaN": (13, (9, 20)),
    "LessOrEqual": (12, (16,)),
    "NonZero": (13, (9,)),
    "Selu": (6, (22,)),
    "Shape": (15, (19, 21, 23, 24, 25)),
    "Sin": (7, (22,)),
    "Softplus": (1, (22,)),
    "Softsign": (1, (22,)),
    "Tan": (7, (22,)),
    "TopK": (11, (24,)),
    "Transpose": (13, (21, 23, 24, 25)),
}
