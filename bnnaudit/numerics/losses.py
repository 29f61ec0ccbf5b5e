"""What an attack maximises, per image, and its error signal: the derivative with respect to the logits.

Logits are (N, d), labels (N,), betas (N,). Losses are never averaged: one image's gradient must not depend on another's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def split_true_and_rest(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The true class's logit (N,), and the logits with the true class at -inf (N, d)."""
    true = logits.gather(1, labels[:, None]).squeeze(1)
    rest = logits.scatter(1, labels[:, None], float("-inf"))
    return true, rest


def margin(logits: Tensor, labels: Tensor) -> Tensor:
    """True logit minus the largest other one (N,): positive where the image is classified correctly."""
    true, rest = split_true_and_rest(logits, labels)
    return true - rest.amax(dim=1)


def margin_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Minus the margin (N,)."""
    return -margin(logits, labels)


def dlr_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Difference of logits ratio (N,) ([Croce & Hein 2020a]): minus the margin over (largest minus third largest).

    Invariant to the scale of the logits. With two classes the ratio would be constant, so it is minus the margin there.
    """
    if logits.shape[1] == 2:
        return margin_loss(logits, labels)
    ordered = logits.sort(dim=1, descending=True).values
    spread = ordered[:, 0] - ordered[:, 2]
    return margin_loss(logits, labels) / spread.clamp_min(torch.finfo(logits.dtype).tiny)


def log_odds_loss(logits: Tensor, labels: Tensor, betas: Tensor) -> Tensor:
    """log((1 - p_k) / p_k) with p = softmax(b a), (N,): grows with the cross-entropy, which is its softplus, and never saturates.

    So it orders the iterates of an image as the cross-entropy does, those included whose cross-entropy rounds to zero.
    """
    true, rest = split_true_and_rest(logits * betas[:, None], labels)
    return torch.logsumexp(rest, dim=1) - true


def cross_entropy_signal(logits: Tensor, labels: Tensor, betas: Tensor) -> Tensor:
    """d l / d a = b (softmax(b a) - y), (N, d), in the ordinary arithmetic: exactly zero once the softmax saturates."""
    true, scale = labels[:, None], betas[:, None]
    psi = torch.softmax(logits * scale, dim=1)
    return psi.scatter_add_(1, true, psi.new_full((), -1.0).expand_as(true)).mul_(scale)


def exact_cross_entropy_signal(logits: Tensor, labels: Tensor, betas: Tensor) -> Tensor:
    """psi / (1 - p_k): the direction of `cross_entropy_signal` at any b, which cannot underflow (N, d).

    For j != k, p_j / (1 - p_k) is the softmax over the other classes alone; the true class has -1. The positive factor
    b (1 - p_k) that is left out changes neither the sign of the input gradient nor its direction.
    """
    true = labels[:, None]
    rest = (logits * betas[:, None]).scatter_(1, true, float("-inf"))
    return torch.softmax(rest, dim=1).scatter_(1, true, -1.0)


def ranked_others(logits: Tensor, labels: Tensor) -> Tensor:
    """The classes other than the true one, the largest logit first (N, d - 1)."""
    _, rest = split_true_and_rest(logits, labels)
    return rest.argsort(dim=1, descending=True, stable=True)[:, :-1]


def targeted_margin_loss(logits: Tensor, labels: Tensor, goals: Tensor) -> Tensor:
    """The goal's logit minus the true one's (N,): positive where the goal's is larger. goals (N,): a class each."""
    pair = logits.gather(1, torch.stack([goals, labels], dim=1))
    return pair[:, 0] - pair[:, 1]


def targeted_dlr_loss(logits: Tensor, labels: Tensor, goals: Tensor) -> Tensor:
    """Targeted difference of logits ratio (N,) ([Croce & Hein 2020a]): over largest minus mean of third and fourth largest.

    With fewer than four classes there is no fourth, and it is the targeted margin.
    """
    if logits.shape[1] < 4:
        return targeted_margin_loss(logits, labels, goals)
    top = logits.topk(4, dim=1).values
    spread = top[:, 0] - (top[:, 2] + top[:, 3]) / 2
    return targeted_margin_loss(logits, labels, goals) / spread.clamp_min(torch.finfo(logits.dtype).tiny)


def signal_of(loss: Callable[..., Tensor], logits: Tensor, *rest: Tensor) -> Tensor:
    """The error signal (N, d) of a per-image loss (N,) at logits (N, d): the derivative of its sum."""
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        (signal,) = torch.autograd.grad(loss(leaf, *rest).sum(), leaf)
    return signal
