"""ONNX's own backend node cases, and the judgement of an import on each of them.

A case is a model of one node with inputs and expected outputs. It passes where the import of the model gives, on those
inputs, outputs of the right shapes, of the right kind (float, whole number, truth value) and within the case's tolerance,
which for 16-bit floats is two units in the last place at least: no two orders of summation agree on less.
Inputs that say where or how large, and that models hold as constants (`AUXILIARY`), are given at run time first; where an
import refuses that, they are stored in the model and the case is tried again, for every import alike: `stored` tells.
"""

from __future__ import annotations

import contextlib
import enum
import io
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, numpy_helper
from torch import nn

from bnnaudit.core.errors import UnsupportedOperatorsError, one_line
from bnnaudit.onnx_import.graph.torch_types import tensor_of
from tests.onnx_import.building import imported

_QUANTIZATION = """
    QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearMatMul QLinearConv ConvInteger MatMulInteger
"""

_OTHERS = """
    Cast CastLike Conv ConvTranspose Gemm MatMul AveragePool MaxPool GlobalAveragePool GlobalMaxPool LpPool
    BatchNormalization LayerNormalization RMSNormalization GroupNormalization InstanceNormalization LRN LpNormalization
    MeanVarianceNormalization Relu LeakyRelu PRelu Elu Selu Celu Gelu Mish HardSwish HardSigmoid Sigmoid Softplus Softsign
    Swish ThresholdedRelu Tanh Softmax LogSoftmax Hardmax Shrink Clip Erf Add Sub Mul Div Pow Max Min Mean Sum Abs Neg Ceil
    Floor Round Sign Sqrt Exp Log Reciprocal Mod Sin Cos Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Not Where
    IsNaN IsInf Concat Split Slice Gather GatherElements GatherND ScatterND ScatterElements Reshape Flatten Squeeze
    Unsqueeze Transpose Expand Tile Pad Shape Size Range ConstantOfShape Constant Identity Resize Upsample DepthToSpace
    SpaceToDepth ArgMax ArgMin TopK OneHot CumSum Einsum EyeLike Trilu Dropout NonZero ReduceSum ReduceMean ReduceMax
    ReduceMin ReduceL1 ReduceL2 ReduceProd ReduceSumSquare ReduceLogSum ReduceLogSumExp
"""

QUANTIZATION = frozenset(_QUANTIZATION.split())

# What a classifier of images, signals or tables may hold.
CLASSIFIER = QUANTIZATION | frozenset(_OTHERS.split())

# Inputs that models hold as constants: axes, shapes, counts, margins, factors.
AUXILIARY: dict[str, tuple[int, ...]] = {
    "ConstantOfShape": (0,),
    "CumSum": (1,),
    "Dropout": (1, 2),
    "Expand": (1,),
    "OneHot": (1,),
    "Pad": (1, 2, 3),
    "Range": (0, 1, 2),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "TopK": (1,),
    "Trilu": (1,),
    "Unsqueeze": (1,),
    "Upsample": (1,),
    **{op: (1,) for op in CLASSIFIER if op.startswith("Reduce")},
}

Import = Callable[[ModelProto], nn.Module]


class Status(enum.Enum):
    """PASS; WRONG: other values; FAILS: raises when run, or in importing; UNSUPPORTED: refused before it is run."""

    PASS = "pass"
    WRONG = "wrong"
    FAILS = "fails"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Case:
    """data: inputs and expected outputs of each data set."""

    name: str
    op: str
    model: ModelProto
    data: tuple[tuple[list[Any], list[Any]], ...]
    rtol: float
    atol: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """reason: why it does not pass. unstored: what it was before the auxiliary inputs were stored, None if they were not."""

    case: str
    op: str
    status: Status
    reason: str = ""
    unstored: Status | None = None


@lru_cache(maxsize=1)
def cases() -> tuple[Case, ...]:
    """All node cases but those of expanded functions, always with the same numbers; takes some seconds, once."""
    state = np.random.get_state()
    np.random.seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        found = collect_testcases(None)
    np.random.set_state(state)
    return tuple(
        Case(case.name, case.model.graph.node[0].op_type, case.model, tuple(case.data_sets), case.rtol, case.atol)
        for case in found
        if "_expanded" not in case.name
    )


def judge(case: Case, import_model: Import) -> Judgement:
    """How an import does on a case, with the auxiliary inputs in the model if it has to be."""
    status, reason = _attempt(case, case.model, import_model, [])
    stored = [name for name in _auxiliary(case) if name]
    if status in (Status.UNSUPPORTED, Status.FAILS) and stored:
        again, other = _attempt(case, _with_stored(case, stored), import_model, stored)
        return Judgement(case.name, case.op, again, other, unstored=status)
    return Judgement(case.name, case.op, status, reason)


def by_bnnaudit(model: ModelProto) -> nn.Module:
    """Our import."""

    return imported(model)


def by_onnx2torch(model: ModelProto) -> nn.Module:
    """onnx2torch alone; whatever it raises in converting is a refusal."""
    import onnx2torch

    try:
        module: nn.Module = onnx2torch.convert(model)
    except Exception as error:
        raise UnsupportedOperatorsError(one_line(error)) from error
    return module.eval()


def _attempt(case: Case, model: ModelProto, import_model: Import, stored: Sequence[str]) -> tuple[Status, str]:
    # torch.fx writes what goes wrong to the error stream as well.
    with warnings.catch_warnings(), torch.no_grad(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            module = import_model(model)
        except UnsupportedOperatorsError as error:
            return Status.UNSUPPORTED, one_line(error)
        except Exception as error:
            return Status.FAILS, f"import raises {type(error).__name__}: {one_line(error)}"
        for inputs, expected in case.data:
            try:
                named = zip([info.name for info in case.model.graph.input], inputs, strict=True)
                results = module(*(tensor_of(_array(array)) for name, array in named if name not in stored))
            except Exception as error:
                return Status.FAILS, f"run raises {type(error).__name__}: {one_line(error)}"
            problem = _difference(case, results, expected)
            if problem:
                return Status.WRONG, problem
    return Status.PASS, ""


def _auxiliary(case: Case) -> list[str]:
    names = case.model.graph.node[0].input
    given = {info.name for info in case.model.graph.input}
    return [names[place] for place in AUXILIARY.get(case.op, ()) if place < len(names) and names[place] in given]


def _with_stored(case: Case, stored: Sequence[str]) -> ModelProto:
    """The model with the values of the first data set stored; cases have one data set each."""
    model = ModelProto()
    model.CopyFrom(case.model)
    for info, array in zip(case.model.graph.input, case.data[0][0], strict=True):
        if info.name in stored:
            model.graph.initializer.append(numpy_helper.from_array(_array(array), info.name))
    for info in [info for info in model.graph.input if info.name in stored]:
        model.graph.input.remove(info)
    return model


def _array(value: Any) -> NDArray[Any]:
    """A case's value, which is a stored tensor where NumPy lacks its type."""
    return np.asarray(numpy_helper.to_array(value) if isinstance(value, TensorProto) else value)


def _difference(case: Case, results: Any, expected: Sequence[Any]) -> str:
    """What is wrong with the results; empty if nothing is."""
    given = list(results) if isinstance(results, list | tuple) else [results]
    if len(given) != len(expected):
        return f"{len(given)} outputs, not {len(expected)}"
    for place, (result, wanted) in enumerate(zip(given, expected, strict=True)):
        problem = _difference_of_one(case, result, wanted)
        if problem:
            return f"output {place}: {problem}"
    return ""


def _difference_of_one(case: Case, result: Any, expected: Any) -> str:
    if not isinstance(result, torch.Tensor):
        return f"a {type(result).__name__}, no tensor"
    wanted = tensor_of(_array(expected))
    if tuple(result.shape) != tuple(wanted.shape):
        return f"shape {tuple(result.shape)}, not {tuple(wanted.shape)}"
    if _kind(result) != _kind(wanted):
        return f"type {result.dtype}, not {wanted.dtype}"
    ours, theirs = _numbers(result), _numbers(wanted)
    rtol = max(case.rtol, 2 * torch.finfo(wanted.dtype).eps) if wanted.is_floating_point() else case.rtol
    if np.allclose(ours, theirs, rtol=rtol, atol=case.atol, equal_nan=True):
        return ""
    with np.errstate(all="ignore"):
        gap = np.abs(ours.astype(np.float64) - theirs.astype(np.float64))
    return f"values differ by {np.nanmax(gap):.4g}, {np.mean(gap > 0):.0%} of them"


def _kind(tensor: torch.Tensor) -> str:
    if tensor.dtype == torch.bool:
        return "truth value"
    return "float" if tensor.is_floating_point() else "whole number"


def _numbers(tensor: torch.Tensor) -> NDArray[Any]:
    plain = tensor.detach().cpu()
    return np.asarray((plain.double() if plain.is_floating_point() else plain).numpy())
