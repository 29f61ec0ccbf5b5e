"""What the caller's process has set is as before, inside it is PyTorch's own default."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from bnnaudit.library.caller_state import caller_state_kept


def changes() -> None:
    random.seed(9)
    np.random.seed(9)
    torch.manual_seed(9)
    torch.set_num_threads(1 + torch.get_num_threads())
    torch.set_default_dtype(torch.float16)


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_changed_inside_is_restored(fails: bool) -> None:
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    threads, expected = torch.get_num_threads(), (random.Random(1).random(), np.random.RandomState(1).rand())
    drawn = torch.rand((), generator=torch.Generator().manual_seed(1))
    try:
        with caller_state_kept():
            changes()
            if fails:
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert fails
    assert (random.random(), np.random.random()) == expected
    assert torch.equal(torch.rand(()), drawn)
    assert torch.get_num_threads() == threads
    assert torch.get_default_dtype() is torch.float32


def test_inside_the_modes_are_those_of_a_new_process() -> None:
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16), torch.device("meta"):
            with caller_state_kept():
                product = torch.ones(2, 2, requires_grad=True) @ torch.ones(2, 2)
                assert (product.dtype, product.device.type) == (torch.float32, "cpu")
                assert product.requires_grad
                assert not product.is_inference()
            assert torch.is_inference_mode_enabled()
            assert torch.is_autocast_enabled("cpu")
            assert torch.ones(()).device.type == "meta"
        assert torch.get_default_dtype() is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
