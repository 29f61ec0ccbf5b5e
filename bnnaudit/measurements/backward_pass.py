"""The gradient on its way back: at the input, at any tensor between it and the logits, and whether anything is left of it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bnnaudit.numerics.norms import finite_gradients

SMALLEST_NORMAL = torch.finfo(torch.float32).tiny
"""Smallest float32 that is not denormal."""


def gradients_at(logits: Tensor, tensors: Sequence[Tensor], signal: Tensor) -> list[Tensor]:
    """The gradients (N, ...) of the tensors for an error signal (N, d) at the logits, whose graph is kept.

    Zero where the logits do not depend on a tensor as far as autograd knows, and where a gradient is not a number.
    """
    if not logits.requires_grad:
        return [torch.zeros_like(tensor) for tensor in tensors]
    found = torch.autograd.grad(logits, tensors, signal, retain_graph=True, allow_unused=True)
    return [
        torch.zeros_like(tensor) if gradient is None else finite_gradients(gradient)
        for tensor, gradient in zip(tensors, found, strict=True)
    ]


def largest_entry(gradient: Tensor) -> Tensor:
    """The largest absolute entry (N,) of each image's gradient (N, ...)."""
    return gradient.flatten(1).abs().amax(dim=1)


def is_zero(gradient: Tensor) -> Tensor:
    """(N,) bool: a gradient (N, ...) that is exactly zero or denormal in every entry."""
    return largest_entry(gradient) < SMALLEST_NORMAL
