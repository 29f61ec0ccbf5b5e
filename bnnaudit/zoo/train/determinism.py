"""Computation that gives the same numbers every time and on every processor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bnnaudit.numerics.threads import working_threads

KEPT_BITS = 14
"""Bits of a float64's 53 that are kept after each training step: rounding noise, 1e-15 or so, then changes next to no value."""


@contextmanager
def reproducible(seed: int, threads: int = 1, device: torch.device | None = None) -> Iterator[None]:
    """`threads` threads, deterministic algorithms, torch's CPU generator seeded by `seed`; all restored afterwards.

    On a GPU an operation that has no deterministic form is warned of; on the CPU all have one.
    """
    on_gpu = device is not None and device.type == "cuda"
    if on_gpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # without it cuBLAS refuses to be deterministic
    strict = torch.are_deterministic_algorithms_enabled()
    warns_only = torch.is_deterministic_algorithms_warn_only_enabled()
    fills = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    try:
        with torch.random.fork_rng(devices=[]), working_threads(threads):
            torch.manual_seed(seed)
            torch.use_deterministic_algorithms(True, warn_only=on_gpu)
            torch.utils.deterministic.fill_uninitialized_memory = (  # type: ignore[attr-defined]
                False  # a sixth of the time, for values that nobody reads
            )
            yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warns_only)
        torch.utils.deterministic.fill_uninitialized_memory = fills  # type: ignore[attr-defined]


@contextmanager
def no_short_floats() -> Iterator[None]:
    """Float32 convolutions on a GPU keep all bits of their factors, which torch otherwise cuts to 10 (TF32)."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """New layers draw their weights in `dtype`: drawn in float32 and converted, they would differ between processors."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@torch.no_grad()
def round_weights(network: nn.Module) -> None:
    """Rounds float64 weights to KEPT_BITS bits, in place.

    Processors differ in the last bits of a sum, and training amplifies a difference until figures differ; rounded away
    after each step, it does not grow. The optimizer's moments stay as they are: they forget their noise by themselves, and
    averages of gradients with short decimal factors fall half way between rounded values again and again.
    """
    for weight in network.parameters():
        if weight.dtype is torch.float64:
            weight.copy_(rounded(weight, KEPT_BITS))


def rounded(values: Tensor, bits: int) -> Tensor:
    """float64 values to the nearest with `bits` significant bits (the splitting of [Dekker 1971]); below 1e290 only."""
    scaled = values * (2.0 ** (53 - bits) + 1)
    return scaled - (scaled - values)
