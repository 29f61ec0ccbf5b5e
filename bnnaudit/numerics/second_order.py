"""The whole Hessian of the loss in the network's input: b^2 J^T S J + b sum_i psi_i d^2 a_i / dn^2.

The second term is the network's own curvature, zero where it is piecewise linear, which the temperature rules leave out
by default. For one direction w both terms are linear in quantities that do not depend on b: J, and the
Hessian-vector products T_i = (d^2 a_i / dn^2) w. So a search over b needs them once.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.numerics.hessian_scaling import NormSquared, gram_norm
from bnnaudit.numerics.jacobian import MEMORY
from bnnaudit.numerics.sketch import random_directions

DIRECTIONS = 8
"""Random directions; all unit vectors are taken instead where the input has no more features than that. Not
tuned."""


def full_norm(
    network: Callable[[Tensor], Tensor], inputs: Tensor, logits: Tensor, labels: Tensor
) -> tuple[NormSquared, int]:
    """The full Hessian's squared norm at network inputs (M, ...), and the backward passes that it took per image.

    The piecewise-linear part is exact, and is all there is where the network has no curvature; what the curvature adds
    is exact for inputs of at most `DIRECTIONS` features, else its mean over as many random directions.
    """
    features, classes = inputs[0].numel(), logits.shape[1]
    if features <= DIRECTIONS:
        directions = torch.eye(features, dtype=inputs.dtype, device=inputs.device).view(features, *inputs.shape[1:])
        weight = 1.0
    else:
        directions = random_directions(DIRECTIONS, inputs.shape[1:], inputs)
        weight = 1 / DIRECTIONS
    size = max(1, MEMORY // (features * classes * inputs.element_size() * (len(directions) + 8)))
    parts = [_products(network, part, directions) for part in torch.split(inputs, size)]
    gram, products, mixed, curved = (torch.cat(tensors) for tensors in zip(*parts, strict=True))
    linear = gram_norm(logits, gram)
    exact = logits.double()
    truth = torch.nn.functional.one_hot(labels, classes).to(exact.dtype)

    def norm(betas: Tensor) -> Tensor:
        p = torch.softmax(betas[:, :, None] * exact[:, None, :], dim=2)
        psi = p - truth[:, None, :]
        # S u = p (u - p^T u) for each direction: (M, B, k, d).
        means = torch.einsum("mbd,mkd->mbk", p, products)
        softened = p[:, :, None, :] * (products[:, None] - means[..., None])
        crossed = torch.einsum("mbkd,mkde,mbe->mb", softened, mixed, psi)
        own = torch.einsum("mbd,mkde,mbe->mb", psi, curved, psi)
        added = weight * (2 * betas**3 * crossed + betas**2 * own)
        return (linear(betas) + added).clamp_min(0)

    return norm, classes * (1 + len(directions))


def _products(
    network: Callable[[Tensor], Tensor], inputs: Tensor, directions: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """G (M, d, d), J w (M, k, d), J T (M, k, d, d) and T^T T (M, k, d, d) in float64, T_i = (d^2 a_i / dn^2) w."""
    leaf = inputs.detach().requires_grad_()
    with torch.enable_grad():
        logits = network(leaf)
        rows, curved = [], []
        for index in range(logits.shape[1]):
            (gradient,) = torch.autograd.grad(logits[:, index].sum(), leaf, create_graph=True)
            rows.append(gradient.detach().flatten(1))
            curved.append([_along(gradient, leaf, direction).flatten(1) for direction in directions])
    jacobian = torch.stack(rows, dim=1).double()
    second = torch.stack([torch.stack(row, dim=1) for row in curved], dim=2).double()  # (M, k, d, N)
    flat = directions.flatten(1).double()
    return (
        jacobian @ jacobian.transpose(1, 2),
        (jacobian @ flat.T).transpose(1, 2),
        torch.einsum("mdn,mken->mkde", jacobian, second),
        second @ second.transpose(2, 3),
    )


def _along(gradient: Tensor, leaf: Tensor, direction: Tensor) -> Tensor:
    """The derivative of `gradient` (M, ...) along a direction (...), zero where it does not depend on the input."""
    if not gradient.requires_grad:
        return torch.zeros_like(leaf)
    (change,) = torch.autograd.grad((gradient * direction).sum(), leaf, retain_graph=True, allow_unused=True)
    return torch.zeros_like(leaf) if change is None else change
