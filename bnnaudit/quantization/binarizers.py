"""Binarizers: how the float weights that training moves become binary ones, and what gradient they get.

u are the latent weights, which the optimizer moves, w the weights that the layer uses, g = dL/dw the loss's gradient at
them, r the learning rate of plain gradient descent (any optimizer may take its place, and uses the gradient named here).

========== ================== ========================================= ==========================================
name       w                  update                                    source
========== ================== ========================================= ==========================================
bc         sign(u)            u <- clip(u - r g, -1, 1)                 [Courbariaux et al. 2015]
ste        sign(u)            u <- clip(u - r g 1{|u| <= 1}, -1, 1)     [Hubara et al. 2016], [Hubara et al. 2017]
gd-tanh    tanh(beta u)       u <- u - r g beta (1 - w^2)               [Ajanthan et al. 2021]
md-tanh-s  tanh(beta u)       u <- u - r g                              [Ajanthan et al. 2021]
========== ================== ========================================= ==========================================

sign(0) = +1. The two with a sign are the same once |u| <= 1 holds at the start, as the clip keeps it. gd-tanh is gradient
descent through the tanh. md-tanh-s is mirror descent on w in (-1, 1) with the mirror map whose dual point is
u = artanh(w) / beta, in its numerically stable form: u is stored, and moved by the gradient at w. Both of these are
annealed: beta grows during training until w is as good as binary, and the sign takes the place of tanh afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

import torch
from torch import Tensor

from bnnaudit.core.surrogate import STRAIGHT_THROUGH, Surrogate, SurrogateKind
from bnnaudit.quantization.surrogates import binary_sign, sign_step, with_gradient_of

LATENT_SURROGATE = Surrogate.usual(SurrogateKind.CLIPPED, 1.0)


class Binarizer(StrEnum):
    """How binary weights are trained; see the module's table."""

    BC = "bc"
    STE = "ste"
    GD_TANH = "gd-tanh"
    MD_TANH_S = "md-tanh-s"

    @property
    def annealed(self) -> bool:
        """Whether training uses weights between -1 and +1, and beta grows."""
        return self in (Binarizer.GD_TANH, Binarizer.MD_TANH_S)


@dataclass(frozen=True, slots=True)
class BetaSchedule:
    """beta of the annealed binarizers from the first step to the last, geometric in the fraction of steps done."""

    start: float = 1.0
    end: float = 1.02**500
    """[Ajanthan et al. 2021]'s: times 1.02 after every 200 of 100,000 steps."""

    def __post_init__(self) -> None:
        if not 0 < self.start <= self.end < 1e30:
            raise ValueError(f"beta from {self.start:g} to {self.end:g}: needs 0 < start <= end < 1e30")

    def at(self, done: float) -> float:
        """beta when the fraction `done`, from 0 to 1, of all optimizer steps has been taken."""
        return float(self.start * (self.end / self.start) ** min(max(done, 0.0), 1.0))


def signs(latent: Tensor) -> Tensor:
    """sign(u) (...), sign(0) = +1, with the gradient of `ste`."""
    return sign_step(latent, binary_sign(latent), LATENT_SURROGATE)


def training_signs(latent: Tensor, binarizer: Binarizer, beta: float) -> Tensor:
    """The weights w (...) that training uses for latent ones u (...), with the binarizer's gradient."""
    match binarizer:
        case Binarizer.STE:
            return signs(latent)
        case Binarizer.BC:
            return sign_step(latent, binary_sign(latent), STRAIGHT_THROUGH)
        case Binarizer.GD_TANH:
            return torch.tanh(beta * latent)
        case Binarizer.MD_TANH_S:
            return with_gradient_of(latent, torch.tanh(beta * latent.detach()))
        case _:
            assert_never(binarizer)
