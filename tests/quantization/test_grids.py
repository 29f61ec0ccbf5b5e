"""Rounding onto grids: whole numbers against NumPy, short floats against ml_dtypes, gradients against what they should be."""

import operator

import ml_dtypes
import numpy as np
import pytest
import torch

from bnnaudit.core.surrogate import Surrogate, SurrogateKind
from bnnaudit.onnx_import.graph.element_types import _GRIDS
from bnnaudit.quantization.grids import Grid, RoundingMode, affine, rounded, whole_ends
from bnnaudit.quantization.uniform import GridQuantizer

HALVES = np.arange(-24, 25, dtype=np.float32) / 4

FORMULAS = {
    RoundingMode.HALF_EVEN: np.round,
    RoundingMode.HALF_UP: lambda x: np.sign(x) * np.floor(np.abs(x) + 0.5),
    RoundingMode.HALF_DOWN: lambda x: np.sign(x) * np.ceil(np.abs(x) - 0.5),
    RoundingMode.HALF_CEIL: lambda x: np.floor(x + np.float32(0.5)),
    RoundingMode.HALF_FLOOR: lambda x: np.ceil(x - np.float32(0.5)),
    RoundingMode.UP: lambda x: np.where(x > 0, np.ceil(x), np.floor(x)),
    RoundingMode.DOWN: np.trunc,
    RoundingMode.CEIL: np.ceil,
    RoundingMode.FLOOR: np.floor,
}

FLOATS = {
    "FLOAT4E2M1": ml_dtypes.float4_e2m1fn,
    "FLOAT8E4M3FN": ml_dtypes.float8_e4m3fn,
    "FLOAT8E4M3FNUZ": ml_dtypes.float8_e4m3fnuz,
    "FLOAT8E5M2": ml_dtypes.float8_e5m2,
    "FLOAT8E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
}


@pytest.mark.parametrize("mode", RoundingMode)
def test_rounding_modes(mode: RoundingMode) -> None:
    np.testing.assert_array_equal(rounded(torch.from_numpy(HALVES), mode).numpy(), FORMULAS[mode](HALVES))


@pytest.mark.parametrize("name", ["ROUND", "round", "ROUND_TO_ZERO", "half_even"])
def test_other_names_of_modes(name: str) -> None:
    assert RoundingMode.parse(name) in (RoundingMode.HALF_EVEN, RoundingMode.DOWN)
    with pytest.raises(NotImplementedError, match="rounding mode 'sideways'"):
        RoundingMode.parse("sideways")


@pytest.mark.parametrize("name", FLOATS)
def test_short_floats(name: str) -> None:
    """Every number of the format, the middles between neighbours and their neighbours in single precision."""
    grid, kind = _GRIDS[name], FLOATS[name]
    codes = np.arange(16 if name == "FLOAT4E2M1" else 256, dtype=np.uint8)
    numbers = np.unique(codes.view(kind).astype(np.float32)[np.isfinite(codes.view(kind).astype(np.float32))])
    middles = (numbers[1:] + numbers[:-1]) / 2
    tried = np.concatenate(
        [numbers, middles, np.nextafter(middles, np.float32(np.inf)), np.nextafter(middles, np.float32(-np.inf))]
    )
    nearest = grid.inside(grid.nearest(torch.from_numpy(tried))).numpy()
    np.testing.assert_array_equal(np.abs(nearest), np.abs(tried.astype(kind).astype(np.float32)))
    assert grid.high == numbers.max()


def test_overflow_of_floats() -> None:
    values = torch.tensor([1e6, -1e6, 57344.0])
    grid = _GRIDS["FLOAT8E5M2"]
    assert grid.inside(grid.nearest(values)).tolist() == [57344, -57344, 57344]
    assert grid.inside(grid.nearest(values), saturate=False).tolist() == [np.inf, -np.inf, 57344]
    unsigned = _GRIDS["FLOAT8E4M3FN"].inside(values, saturate=False)
    assert unsigned.isnan().all()


@pytest.mark.parametrize(
    ("bits", "signed", "narrow", "ends"),
    [(2, True, True, (-1, 1)), (2, True, False, (-2, 1)), (8, False, False, (0, 255)), (4, False, True, (0, 14))],
)
def test_ends_of_whole_numbers(bits: int, signed: bool, narrow: bool, ends: tuple[int, int]) -> None:
    grid = Grid.whole(bits, signed, narrow)
    assert (grid.low, grid.high) == ends


def step(values: torch.Tensor) -> torch.Tensor:
    return GridQuantizer(Grid.whole(2, signed=True)).onto_grid(values * 2)


def test_gradient_is_straight_through_inside_and_zero_where_it_saturates() -> None:
    values = torch.tensor([-1.3, -1.2, -0.1, 0.3, 0.74, 0.76], requires_grad=True)
    result = step(values)
    assert result.tolist() == [-2, -2, 0, 1, 1, 1]
    result.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0, 2, 2, 2, 2, 0]


def test_forward_mode_vmap_and_double_backward() -> None:
    values, tangent = torch.tensor([[-0.4, 0.3]]), torch.tensor([[1.0, 3.0]])
    _, derivative = torch.func.jvp(step, (values,), (tangent,))
    assert derivative.tolist() == [[2, 6]]
    mapped = torch.func.vmap(torch.func.grad(lambda x: (step(x) * x).sum()))(values)
    torch.testing.assert_close(mapped, step(values) + 2 * values)
    inputs = values.clone().requires_grad_()
    (first,) = torch.autograd.grad((step(inputs) ** 2).sum(), inputs, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), inputs)
    assert second.tolist() == [[8, 8]]


def test_surrogates_of_few_levels() -> None:
    """Every step of a two-bit grid is a sign, widths in steps of the grid; an eight-bit one goes straight through."""
    values = torch.tensor([[-3.0, -1.6, -0.5, 0.1, 0.4, 2.5]])
    distance = torch.tensor([[1.5, 0.1, 0.0, 0.4, 0.1, 2.0]])
    triangle = (1 - distance / 0.5).clamp_min(0)
    for surrogate, slope in (
        (Surrogate(), torch.tensor([[0.0, 1, 1, 1, 1, 0]])),
        (Surrogate.usual(SurrogateKind.CLIPPED, 1.0), (distance <= 1).float()),
        (Surrogate.usual(SurrogateKind.TRIANGULAR, 0.5), triangle),
    ):
        for bits, wanted in ((2, slope), (8, torch.ones_like(slope))):
            inputs = values.clone().requires_grad_()
            quantizer = GridQuantizer(Grid.whole(bits, signed=True))
            quantizer.surrogate = surrogate
            quantizer.onto_grid(inputs).sum().backward()
            torch.testing.assert_close(inputs.grad, wanted)


@pytest.mark.parametrize("op", ["mul", "add", "sub", "div"])
@pytest.mark.parametrize("first", [True, False])
def test_an_affine_operator_is_its_factor_and_shift(op: str, first: bool) -> None:
    apply = getattr(operator, {"div": "truediv"}.get(op, op))
    found = affine(op, 4.0, first)
    if op == "div" and not first:
        assert found is None
        return
    assert found is not None
    for value in (-3.0, 0.0, 2.5):
        assert found[0] * value + found[1] == (apply(value, 4.0) if first else apply(4.0, value))
    assert affine("div", 0.0, True) is None


def test_the_ends_of_a_grid_are_two_whole_numbers_in_any_order() -> None:
    assert whole_ends(7.00001, -8.0) == (-8.0, 7.0)
    assert whole_ends(0.0, 2.5) is None
    assert whole_ends(3.0, 3.0) is None
    assert whole_ends(0.0, float("inf")) is None
