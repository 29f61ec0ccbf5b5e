"""What an audit may not leave changed in the process that calls it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch

from bnnaudit.numerics.threads import working_threads


@contextmanager
def caller_state_kept() -> Iterator[None]:
    """Inside, PyTorch is as it is when a process starts; outside, random state, threads and modes are the caller's again.

    The modes are those for gradients, inference, autocast, the default type and the default device. Random generators: those of
    Python, NumPy and PyTorch, on CUDA devices too where the caller has begun to use them.
    """
    drawn, numpy_drawn, dtype = random.getstate(), np.random.get_state(), torch.get_default_dtype()
    cuda = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    with ExitStack() as held:
        held.callback(random.setstate, drawn)
        held.callback(np.random.set_state, numpy_drawn)
        held.enter_context(torch.random.fork_rng(range(torch.cuda.device_count()) if cuda else []))
        held.callback(torch.set_default_dtype, dtype)
        torch.set_default_dtype(torch.float32)
        if torch.get_default_device().type != "cpu":  # a device as a context costs time at every call of PyTorch
            held.enter_context(torch.device("cpu"))
        held.enter_context(torch.inference_mode(False))
        held.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda") if cuda else ("cpu",):
            held.enter_context(torch.autocast(device, enabled=False))
        held.enter_context(working_threads(None))
        yield
