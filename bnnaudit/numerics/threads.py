"""PyTorch's number of threads for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def working_threads(count: int | None) -> Iterator[None]:
    """PyTorch computes on so many threads inside (None: as many as before), and on as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
