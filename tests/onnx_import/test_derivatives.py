"""Derivatives of the plain operators against finite differences: reverse, forward and second order, and under vmap."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck, gradgradcheck

from bnnaudit.onnx_import.converters import activations, arithmetic
from bnnaudit.onnx_import.converters.cumulative import cumulate
from bnnaudit.onnx_import.converters.identity import triangle
from bnnaudit.onnx_import.converters.matmul import gemm
from bnnaudit.onnx_import.converters.normalization import mean_variance, unit_norm
from bnnaudit.onnx_import.converters.reduction import REDUCTIONS, reduced


@dataclass(frozen=True)
class Case:
    """low, high: where the operands lie."""

    name: str
    function: Callable[..., Tensor]
    settings: str = ""
    low: float = -2.0
    high: float = 2.0
    operands: int = 1


WITHOUT_DERIVATIVE = {
    "BitwiseNot",
    "IsNaN",
    "Not",
    "BitwiseAnd",
    "BitwiseOr",
    "BitwiseXor",
    "And",
    "Or",
    "Xor",
    "Equal",
} | {
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Hardmax",
}

# Where functions are defined, if not everywhere.
DOMAINS = {
    "Acos": (-0.9, 0.9),
    "Acosh": (1.2, 3.0),
    "Asin": (-0.9, 0.9),
    "Atanh": (-0.9, 0.9),
    "Log": (0.2, 2.0),
    "Reciprocal": (0.3, 2.0),
    "Sqrt": (0.2, 2.0),
    "Tan": (-1.2, 1.2),
    "Pow": (0.3, 2.0),
    "Div": (0.3, 2.0),
    "Mod": (0.6, 1.0),
    "Fmod": (0.6, 1.0),
    "ReduceLogSum": (0.2, 2.0),
}


def _case(op: str, function: Callable[..., Tensor], operands: int = 1, /, **settings: object) -> Case:
    return Case(op, partial(function, **settings), f"{settings}", *DOMAINS.get(op, (-2.0, 2.0)), operands)


CASES = [
    *(
        _case(op, function, **activations.SETTINGS.get(op, {}))
        for op, function in activations.FUNCTIONS.items()
        if op not in WITHOUT_DERIVATIVE
    ),
    *(
        _case(op, activations.over_axis, op=op, axis=1, together=together)
        for op in activations.SOFTMAXES
        if op not in WITHOUT_DERIVATIVE
        for together in (False, True)
    ),
    *(_case(op, function, 2) for op, function in arithmetic.FUNCTIONS.items() if op not in WITHOUT_DERIVATIVE),
    *(
        _case(op, reduced, stated=[1, -1], op=op, keepdims=keepdims, noop=False)
        for op in REDUCTIONS
        for keepdims in (False, True)
    ),
    _case("Clip", activations.clip, low=-0.5, high=0.7),
    _case("Clip", activations.clip, 2, low=None, high=None, computed=("low",)),
    _case("CumSum", cumulate, axes=[1], product=False, exclusive=True, backward=True),
    _case("CumProd", cumulate, axes=[1], product=True, exclusive=False, backward=False),
    _case("Einsum", partial(torch.einsum, "bij, bkj -> bik"), 2),
    _case("LpNormalization", unit_norm, p=2, axis=1),
    _case("LpNormalization", unit_norm, p=1, axis=-1),
    _case("MatMul", torch.matmul, 2),
    _case("MeanVarianceNormalization", mean_variance, axes=(0, 2)),
    _case("PRelu", activations.leaky_by_slope, 2),
    _case("Trilu", triangle, diagonal=[1], upper=False),
    _case("Where", torch.where, 2),
]


def operands_of(case: Case) -> list[Tensor]:
    """Random operands without ties; those of products are square, the second of a remainder is small."""
    generator = torch.Generator().manual_seed(1)
    width = case.high - case.low
    given = [
        (case.low + width * torch.rand(2, 3, 3, dtype=torch.float64, generator=generator)).requires_grad_()
        for _ in range(case.operands)
    ]
    if case.name in ("Mod", "Fmod"):
        given[1] = (given[1].detach() / 4).requires_grad_()
    return given


def function_of(case: Case) -> Callable[..., Tensor]:
    if case.name == "Where":
        condition = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(2)) > 0.5
        return lambda held, otherwise: case.function(condition, held, otherwise)
    return case.function


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.settings}")
def test_derivatives_are_those_of_finite_differences(case: Case) -> None:
    given, function = operands_of(case), function_of(case)
    assert gradcheck(function, given, check_forward_ad=True, check_batched_grad=True)
    assert gradgradcheck(function, given)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.operands == 1], ids=lambda case: f"{case.name} {case.settings}"
)
def test_vmap_is_one_by_one(case: Case) -> None:
    (values,) = (operand.detach() for operand in operands_of(case))
    stack = torch.stack([values, 0.9 * values + 0.1 * case.high])
    expected = torch.stack([case.function(one) for one in stack])
    torch.testing.assert_close(torch.func.vmap(case.function)(stack), expected)


@pytest.mark.parametrize("transposed", [(False, False), (True, True)])
@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.5, -2.0)])
def test_gemm(transposed: tuple[bool, bool], alpha: float, beta: float) -> None:
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.rand(3, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    added = torch.rand(3, dtype=torch.float64, generator=generator)
    function = partial(gemm, right=right, added=added, alpha=alpha, beta=beta, transposed=transposed)
    a, b = (matrix.T if turn else matrix for matrix, turn in zip((left, right), transposed, strict=True))
    torch.testing.assert_close(function(left), alpha * a @ b + beta * added)
    assert gradcheck(function, left.clone().requires_grad_(), check_forward_ad=True)


def test_zeros_keep_finite_gradients() -> None:
    """Norms at 0, where the quotient alone would be no number."""
    norms = [partial(unit_norm, p=p, axis=1) for p in (2, 1)]
    euclidean = partial(reduced, stated=[1], op="ReduceL2", keepdims=True, noop=False)
    for function in (*norms, partial(mean_variance, axes=(1,)), euclidean):
        values = torch.zeros(2, 3, requires_grad=True)
        function(values).sum().backward()
        assert values.grad is not None
        assert values.grad.isfinite().all()


def test_large_and_small_arguments() -> None:
    values = torch.tensor([-200.0, -30.0, 0.0, 30.0, 200.0], dtype=torch.float64)
    expected = torch.tensor([0.0, 9.3576e-14, 0.6931471805599453, 30.0, 200.0], dtype=torch.float64)
    torch.testing.assert_close(activations.FUNCTIONS["Softplus"](values), expected, rtol=1e-5, atol=1e-15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert activations.FUNCTIONS["Selu"](values, **activations.SETTINGS["Selu"]).isfinite().all()
