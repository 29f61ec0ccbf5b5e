from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from bnnaudit.core.errors import UnsupportedOperatorsError
from bnnaudit.onnx_import.converters.indexing import gather, gather_nd, scatter_elements, scatter_nd
from tests.onnx_import.building import some_values
from tests.onnx_import.comparing import check, floats, ints, module_of

VALUES = some_values(3, 4, 5)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("indices", [np.int64(-2), ints(0, -1, 2), ints(0, 1, 2, -3).reshape(2, 2)])
def test_gather(axis: int, indices: Any) -> None:
    check("Gather", VALUES, np.asarray(indices), axis=axis)


def test_gather_elements() -> None:
    indices = np.random.default_rng(0).integers(-4, 4, (3, 6, 5))
    check("GatherElements", VALUES, indices, axis=1)


@pytest.mark.parametrize(("batch", "shape", "limit"), [(0, (2, 2, 2), 3), (1, (3, 2, 1), 4), (1, (3, 2), 4)])
def test_gather_nd(batch: int, shape: tuple[int, ...], limit: int) -> None:
    indices = np.random.default_rng(0).integers(-limit, limit, shape)
    check("GatherND", VALUES, indices, batch_dims=batch)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_scatter(reduction: str) -> None:
    settings = {} if reduction == "none" else {"reduction": reduction}
    places = np.stack([np.random.default_rng(seed).permutation(4)[:2] for seed in range(15)]).reshape(3, 5, 2)
    places = np.swapaxes(places, 1, 2) - 4 * (np.arange(30).reshape(3, 2, 5) % 2)
    check("ScatterElements", VALUES, places, some_values(3, 2, 5, seed=1), opset=18, axis=1, **settings)
    pairs = ints(0, 1, 2, -1, 1, 3).reshape(3, 2)
    check("ScatterND", VALUES, pairs, some_values(3, 5, seed=1), opset=18, **settings)


@pytest.mark.parametrize("op", ["ScatterElements", "ScatterND"])
def test_what_is_scattered_to_one_place_adds_up(op: str) -> None:
    values = some_values(4)
    indices = ints(1, 1, 3) if op == "ScatterElements" else ints(1, 1, 3)[:, None]
    check(op, values, indices, floats(1, 2, 3), opset=18, reduction="add")


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis: int) -> None:
    indices = ints(0, 3, -1, 7, -9, 2).reshape(2, 3)
    check("OneHot", indices, np.array(4, dtype=np.int64), floats(-1, 2), axis=axis)


@pytest.mark.parametrize(("largest", "axis"), [(1, -1), (0, -1), (1, 1), (0, 0)])
def test_top_k_prefers_the_first_of_equals(largest: int, axis: int) -> None:
    values = np.random.default_rng(0).integers(0, 3, (3, 4, 5)).astype(np.float32)
    check("TopK", values, ints(2), outputs=2, largest=largest, axis=axis)


def test_non_zero() -> None:
    check("NonZero", np.where(np.abs(VALUES) < 0.5, 0, VALUES).astype(np.float32))


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(UnsupportedOperatorsError, match="reduction 'median' of what is scattered"):
        module_of("ScatterND", VALUES, ints(0)[:, None], VALUES[:1], opset=18, reduction="median")


def test_derivatives() -> None:
    values = torch.randn(3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    updates = torch.ones(1, 4, dtype=torch.float64)
    for function in (
        partial(gather, indices=torch.tensor([0, -1, 0]), axis=1),
        partial(gather_nd, indices=torch.tensor([[0], [1], [-1]]), batch_dims=1),
        partial(scatter_elements, indices=torch.tensor([[0, 1, 2, 0]]), updates=updates, axis=0, reduction="none"),
        partial(scatter_nd, indices=torch.tensor([[1]]), updates=updates, reduction="add"),
    ):
        assert gradcheck(function, values, check_forward_ad=True, check_batched_grad=True)
