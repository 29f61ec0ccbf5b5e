"""ONNX Runtime's fused float operators (domain com.microsoft), as its optimiser writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.converters.convolution import convolve, window_of_weights
from bnnaudit.onnx_import.converters.windows import Window
from bnnaudit.onnx_import.operands import call, operands

Function = Callable[[Tensor], Tensor]


def activation(name: str, parameters: Sequence[float]) -> Function:
    """The activation that a fused operator ends with; parameters are those that its own operator has as attributes."""
    match name, list(parameters):
        case "", _:
            return lambda values: values
        case "Relu", _:
            return torch.relu
        case "Sigmoid", _:
            return torch.sigmoid
        case "Tanh", _:
            return torch.tanh
        case "LeakyRelu", [slope, *_]:
            return lambda values: functional.leaky_relu(values, slope)
        case "Clip", [low, high, *_]:
            return lambda values: values.clamp(low, high)
        case "HardSigmoid", [slope, shift, *_]:
            return lambda values: (slope * values + shift).clamp(0.0, 1.0)
        case _:
            raise NotImplementedError(f"activation {name!r} with {len(parameters)} parameters")


def fused_convolution(
    values: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    added: Tensor | None,
    window: Window,
    groups: int,
    function: Function,
) -> Tensor:
    """activation(conv(x) + z): (N, C, ...) -> (N, features, ...)."""
    result = convolve(values, weight, bias, window, groups)
    return function(result if added is None else result + added)


def fused_product(
    a: Tensor, b: Tensor, alpha: float, transposed: tuple[bool, bool], batch: tuple[bool, bool]
) -> Tensor:
    """alpha a' @ b', with the last two axes exchanged, or the first moved to their front, where told.

    a (..., M, K), b (..., K, N) -> (..., M, N).
    """
    sides = []
    for values, transpose, first in zip((a, b), transposed, batch, strict=True):
        moved = values.movedim(0, -2) if first else values
        sides.append(moved.transpose(-1, -2) if transpose else moved)
    return alpha * torch.matmul(sides[0], sides[1])


def fused_gemm(
    a: Tensor,
    b: Tensor,
    c: Tensor | None,
    factors: tuple[float, float],
    transposed: tuple[bool, bool],
    function: Function,
) -> Tensor:
    """activation(alpha a' @ b' + beta c): a (M, K), b (K, N) -> (M, N)."""
    product = factors[0] * ((a.T if transposed[0] else a) @ (b.T if transposed[1] else b))
    return function(product if c is None else product + factors[1] * c)


def biased_gelu(values: Tensor, bias: Tensor | None, approximate: str) -> Tensor:
    """gelu(x + bias): (..., C) -> (..., C)."""
    return functional.gelu(values if bias is None else values + bias, approximate=approximate)


def skip_normalization(
    values: Tensor,
    skip: Tensor,
    gamma: Tensor | None,
    beta: Tensor | None,
    bias: Tensor | None,
    epsilon: float,
    simplified: bool,
    outputs: int,
) -> Tensor | tuple[Tensor | None, ...]:
    """norm(x + skip + bias) gamma + beta over the last axis, and as fourth output the sum where the node has that many.

    (..., C) -> (..., C). simplified: by the root of the mean square alone, without the mean and beta.
    """
    total = values + skip if bias is None else values + skip + bias
    centre = total if simplified else total - total.mean(-1, keepdim=True)
    result = centre * torch.rsqrt(centre.square().mean(-1, keepdim=True) + epsilon)
    result = result if gamma is None else result * gamma
    result = result if beta is None else result + beta
    return (result, None, None, total) if outputs == 4 else result


def fused_conv(node: Node) -> Converted:
    """FusedConv-1."""
    settings = {
        "window": window_of_weights(node, 1),
        "groups": int(node.attribute("group", 1)),
        "function": activation(str(node.attribute("activation", "")), node.attribute("activation_params") or []),
    }
    return call(fused_convolution, node.inputs[:1], operands(node, 1, 2, 3), **settings)


def fused_mat_mul(node: Node) -> Converted:
    """FusedMatMul-1."""
    settings = {
        "alpha": float(node.attribute("alpha", 1.0)),
        "transposed": (node.flag("transA"), node.flag("transB")),
        "batch": (node.flag("transBatchA"), node.flag("transBatchB")),
    }
    return call(fused_product, (), operands(node, 0, 1), **settings)


def fused_gemm_of(node: Node) -> Converted:
    """FusedGemm-1."""
    parameters = [float(node.attribute(f"activation_{name}", 0.0)) for name in ("alpha", "beta", "gamma")]
    settings = {
        "factors": (float(node.attribute("alpha", 1.0)), float(node.attribute("beta", 1.0))),
        "transposed": (node.flag("transA"), node.flag("transB")),
        "function": activation(str(node.attribute("activation", "")), parameters),
    }
    return call(fused_gemm, (), operands(node, 0, 1, 2), **settings)


def bias_gelu(node: Node) -> Converted:
    """BiasGelu-1 and FastGelu-1, the second by its approximation with a tanh."""
    approximate = "tanh" if node.op.endswith("FastGelu") else "none"
    return call(biased_gelu, node.inputs[:1], operands(node, 1), approximate=approximate)


def quick_gelu(node: Node) -> Converted:
    """QuickGelu-1: x sigmoid(alpha x)."""
    alpha = float(node.attribute("alpha", 1.702))
    return call(lambda values: values * torch.sigmoid(alpha * values), node.inputs)


def skip_layer_normalization(node: Node) -> Converted:
    """SkipLayerNormalization-1 and SkipSimplifiedLayerNormalization-1."""
    simplified = "Simplified" in node.op
    # The simplified one has no beta, so its bias comes one place earlier.
    given = operands(node, 1, 2, *((len(node.inputs), 3) if simplified else (3, 4)))
    outputs = len(node.outputs)
    if outputs not in (1, 4) or any(node.outputs[1:3]):
        raise NotImplementedError("the mean and the deviation that only training needs")
    settings = {"epsilon": float(node.attribute("epsilon", 1e-12)), "simplified": simplified, "outputs": outputs}
    return call(skip_normalization, node.inputs[:1], given, **settings)
