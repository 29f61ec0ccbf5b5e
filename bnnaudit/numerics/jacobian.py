"""The network's Jacobian J = da/dn through its Gram matrix G = J J^T, and what follows from it.

With G (d x d for each image) neither an N x N matrix nor J itself outlives the products that need it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bnnaudit.numerics.norms import finite_gradients

MEMORY = 256 * 2**20
"""Bytes of Jacobian held at a time; larger batches are worked through in chunks. Not tuned; it changes no result."""


def gram_matrix(network: Callable[[Tensor], Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (M, d) and G = J J^T (M, d, d) in float64 at network inputs (M, ...).

    One forward pass and d vector-Jacobian products per image; each product serves a whole chunk of images.
    """
    return _in_chunks(network, inputs, lambda logits, leaf: class_gradients(logits, leaf).flatten(2).transpose(0, 1))


def centred_gram_matrix(network: Callable[[Tensor], Tensor], inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (M, d) and G of the rows J_i - J_top (M, d, d) in float64 at network inputs (M, ...), zero in the top class's.

    All that the Hessian of the loss asks of J, for S = diag(p) - p p^T is blind to a common shift of its rows: one
    forward pass and d - 1 vector-Jacobian products per image. The differences are taken before anything is rounded.
    """
    return _in_chunks(network, inputs, _rows_less_top)


def _in_chunks(
    network: Callable[[Tensor], Tensor], inputs: Tensor, rows: Callable[[Tensor, Tensor], Tensor]
) -> tuple[Tensor, Tensor]:
    """Logits, and R R^T in float64 for the R (M, d, N) that `rows` makes of logits and the inputs that they hang on."""
    with torch.no_grad():
        classes = network(inputs[:1]).shape[1]
    chunk = max(1, MEMORY // (inputs[0].numel() * classes * inputs.element_size() * 4))
    found, grams = [], []
    for part in torch.split(inputs, chunk):
        leaf = part.detach().requires_grad_()
        with torch.enable_grad():
            logits = network(leaf)
        exact = rows(logits, leaf).double()
        found.append(logits.detach())
        grams.append(exact @ exact.transpose(1, 2))
    return torch.cat(found), torch.cat(grams)


def _rows_less_top(logits: Tensor, leaf: Tensor) -> Tensor:
    """J_i - J_top (M, d, N) for every class i."""
    count, classes = logits.shape
    top, images = logits.detach().argmax(dim=1), torch.arange(count, device=logits.device)
    rows = torch.zeros(count, classes, leaf[0].numel(), dtype=logits.dtype, device=logits.device)
    for offset in range(1, classes):
        other = (top + offset) % classes
        seed = torch.zeros_like(logits)
        seed[images, other], seed[images, top] = 1.0, -1.0
        gradients = torch.autograd.grad(logits, leaf, seed, retain_graph=True)[0]
        rows[images, other] = finite_gradients(gradients).flatten(1)
    return rows


def class_gradients(logits: Tensor, inputs: Tensor) -> Tensor:
    """d logits[:, c] / d inputs for every class c: (d, M, ...) for logits (M, d) that were computed from `inputs`."""
    count, classes = logits.shape
    seeds = torch.eye(classes, dtype=logits.dtype, device=logits.device)[:, None, :].expand(classes, count, classes)
    rows = [torch.autograd.grad(logits, inputs, seed, retain_graph=True)[0] for seed in seeds]
    return finite_gradients(torch.stack(rows))


def singular_values(gram: Tensor, inputs: int) -> Tensor:
    """The singular values of J in ascending order (M, min(d, inputs)), from G (M, d, d); `inputs` is J's width."""
    values: Tensor = torch.linalg.eigvalsh(gram).clamp_min(0).sqrt()
    return values[:, -min(gram.shape[-1], inputs) :]


def centred_gram(gram: Tensor, top: Tensor) -> Tensor:
    """G of the rows J_i - J_top (M, d, d): S = diag(p) - p p^T is blind to the shift, and nothing cancels any more."""
    row = gram.gather(1, top.view(-1, 1, 1).expand(-1, 1, gram.shape[2])).transpose(1, 2)
    corner = row.gather(1, top.view(-1, 1, 1))
    return gram - row - row.transpose(1, 2) + corner


def hessian_norm_squared(logits: Tensor, centred: Tensor, betas: Tensor) -> Tensor:
    """||b^2 J^T (diag p - p p^T) J||_F^2 with p = softmax(b a), for B temperatures of each image: (M, B).

    logits (M, d) float64, centred (M, d, d) float64 from `centred_gram` at the top class, betas (M, B). With J piecewise
    constant this is the squared norm of the Hessian of the cross-entropy in the network's input ([Gupta & Ajanthan 2022],
    equation for HNS). tr(S G S G) = sum_ij p_i p_j G_ij^2 - 2 sum_i p_i (G p)_i^2 + (p^T G p)^2: two batched
    products for all of them.
    """
    p = torch.softmax(betas[:, :, None] * logits[:, None, :], dim=2)
    image = p @ centred
    first = ((p @ centred.square()) * p).sum(dim=2)
    second = (p * image.square()).sum(dim=2)
    third = (p * image).sum(dim=2).square()
    return betas**4 * (first - 2 * second + third).clamp_min(0)
