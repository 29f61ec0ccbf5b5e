"""ONNX Runtime's fused float operators (domain com.microsoft), as its optimiser writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.converters.convolution import convolution_settings, convolve
from bnnaudit.onnx_import.converters.windows import Window
from bnnaudit.onnx_import.operands import call, operands

Function = Callable[[Tensor], Tensor]


ACTIVATIONS: dict[str, tuple[Callable[..., Tensor], int]] = {
    "": (lambda values: values, 0),
    "Relu": (torch.relu, 0),
    "Sigmoid": (torch.sigmoid, 0),
    "Tanh": (torch.tanh, 0),
    "LeakyRelu": (functional.leaky_relu, 1),
    "Clip": (torch.clamp, 2),
    "HardSigmoid": (lambda values, slope, shift: (slope * values + shift).clamp(0.0, 1.0), 2),
}
"""What a fused operator can end with, and how many parameters it takes: those that its own operator has as attributes."""


def activation(node: Node, parameters: Sequence[float]) -> Function:
    """The activation that a fused operator ends with."""
    name = str(node.attribute("activation", ""))
    function, count = ACTIVATIONS.get(name, (None, 0))
    if function is None or len(parameters) < count:
        raise NotImplementedError(f"activation {name!r} with {len(parameters)} parameters")
    return lambda values: function(values, *parameters[:count])


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
    alpha: float,
    beta: float,
    transposed: tuple[bool, bool],
    function: Function,
) -> Tensor:
    """activation(alpha a' @ b' + beta c): a (M, K), b (K, N) -> (M, N)."""
    product = alpha * ((a.T if transposed[0] else a) @ (b.T if transposed[1] else b))
    return function(product if c is None else product + beta * c)


def biased_gelu(values: Tensor, bias: Tensor | None, approximate: str) -> Tensor:
    """gelu(x + bias): (..., C) -> (..., C)."""
    return functional.gelu(values if bias is None else values + bias, approximate=approximate)


def quick_gelu(values: Tensor, alpha: float) -> Tensor:
    """x sigmoid(alpha x): (...) -> (...)."""
    return values * torch.sigmoid(alpha * values)


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
    settings = {**convolution_settings(node), "function": activation(node, node.attribute("activation_params") or [])}
    return call(fused_convolution, node.inputs[:1], operands(node, 1, 2, 3), **settings)


def fused_mat_mul(node: Node) -> Converted:
    """FusedMatMul-1."""
    settings = {"transposed": node.flags("transA", "transB"), "batch": node.flags("transBatchA", "transBatchB")}
    return call(fused_product, (), operands(node, 0, 1), **node.settings(alpha=1.0), **settings)


def fused_gemm_of(node: Node) -> Converted:
    """FusedGemm-1."""
    parameters = [float(node.attribute(f"activation_{name}", 0.0)) for name in ("alpha", "beta", "gamma")]
    settings = {"transposed": node.flags("transA", "transB"), "function": activation(node, parameters)}
    return call(fused_gemm, (), operands(node, 0, 1, 2), **node.settings(alpha=1.0, beta=1.0), **settings)


def bias_gelu(node: Node) -> Converted:
    """BiasGelu-1 and FastGelu-1, the second by its approximation with a tanh."""
    approximate = "tanh" if node.op.endswith("FastGelu") else "none"
    return call(biased_gelu, node.inputs[:1], operands(node, 1), approximate=approximate)


def skip_layer_normalization(node: Node) -> Converted:
    """SkipLayerNormalization-1 and SkipSimplifiedLayerNormalization-1."""
    simplified = "Simplified" in node.op
    # The simplified one has no beta, so its bias comes one place earlier.
    given = operands(node, 1, 2, *((len(node.inputs), 3) if simplified else (3, 4)))
    outputs = len(node.outputs)
    if outputs not in (1, 4) or any(node.outputs[1:3]):
        raise NotImplementedError("the mean and the deviation that only training needs")
    settings = {**node.settings(epsilon=1e-12), "simplified": simplified, "outputs": outputs}
    return call(skip_normalization, node.inputs[:1], given, **settings)
