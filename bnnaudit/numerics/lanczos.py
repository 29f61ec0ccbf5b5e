"""The mean singular value of J without J: stochastic Lanczos quadrature ([Ubaru et al. 2017]) on G = J J^T."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STEPS = 12
"""Products with G; each takes one reverse and one forward-mode pass. Not tuned."""


def mean_singular_value(multiply: Callable[[Tensor], Tensor], start: Tensor, inputs: int) -> tuple[Tensor, Tensor]:
    """Estimates of the mean singular value of J (d x N) and of their mean square, for each image: (M,), (M,).

    `multiply` takes v (M, d) to G v; `start` (M, d) float64 is random with independent entries of variance 1; inputs is
    N: of the singular values min(d, N) count. v^T f(G) v has the trace of f(G) as its mean, and Lanczos' tridiagonal
    matrix gives it as a Gauss quadrature, exactly for polynomials of twice as many degrees as there are steps.
    """
    classes = start.shape[1]
    length = start.norm(dim=1)
    basis = [start / length[:, None]]
    diagonal: list[Tensor] = []
    beside: list[Tensor] = []
    for step in range(min(STEPS, classes)):
        image = multiply(basis[-1])
        diagonal.append((image * basis[-1]).sum(dim=1))
        for _ in range(2):  # once is not enough to stay orthogonal
            for vector in basis:
                image = image - (image * vector).sum(dim=1, keepdim=True) * vector
        rest = image.norm(dim=1)
        # Where the vectors span all that G reaches, what is left is rounding: a zero splits the matrix there.
        rest = torch.where(rest > 1e-6 * diagonal[0].abs(), rest, 0.0)
        beside.append(rest)
        if step + 1 < min(STEPS, classes):
            basis.append(image / torch.where(rest > 0, rest, 1.0)[:, None] * (rest > 0)[:, None])
    matrix = torch.diag_embed(torch.stack(diagonal, dim=1))
    if len(beside) > 1:
        off = torch.stack(beside[:-1], dim=1)
        matrix = matrix + torch.diag_embed(off, 1) + torch.diag_embed(off, -1)
    values, vectors = torch.linalg.eigh(matrix)
    weights = vectors[:, 0, :].square() * length[:, None].square() / min(classes, inputs)
    values = values.clamp_min(0)
    return (weights * values.sqrt()).sum(dim=1), (weights * values).sum(dim=1)
