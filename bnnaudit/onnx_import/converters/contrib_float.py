"""ONNX Runtime's fused float operators (domain com.microsoft), as its optimiser writes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node, elementwise
from bnnaudit.onnx_import.converters.convolution import Convolution
from bnnaudit.onnx_import.converters.integer_products import window_of_weights
from bnnaudit.onnx_import.operands import Operands, operands

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


class FusedConvolution(nn.Module):
    """FusedConv-1: activation(conv(x) + z)."""

    def __init__(self, convolution: Convolution, function: Function, takes: int, added: Operands) -> None:
        super().__init__()
        self.convolution = convolution
        self.function = function
        self.takes = takes
        self.added = added

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(N, C, ...) -> (N, features, ...); the convolution takes the first of `computed`, and z is what is left."""
        result: Tensor = self.convolution(values, *computed[: self.takes])
        (other,) = self.added(*computed[self.takes :])
        return self.function(result if other is None else result + other)


class FusedProduct(nn.Module):
    """FusedMatMul-1: alpha a' @ b', with the last two axes exchanged, or the first moved to their front, where told."""

    def __init__(self, alpha: float, turned: tuple[bool, bool], batch: tuple[bool, bool], tensors: Operands) -> None:
        super().__init__()
        self.alpha = alpha
        self.turned = turned
        self.batch = batch
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (..., M, K), b (..., K, N) -> (..., M, N)."""
        sides = []
        for values, turned, batch in zip(self.tensors(*computed), self.turned, self.batch, strict=True):
            assert values is not None, "required by the operator"
            moved = values.movedim(0, -2) if batch else values
            sides.append(moved.transpose(-1, -2) if turned else moved)
        return self.alpha * torch.matmul(sides[0], sides[1])


class FusedGemm(nn.Module):
    """FusedGemm-1: activation(alpha a' @ b' + beta c)."""

    def __init__(self, factors: tuple[float, float], turned: tuple[bool, bool], function: Function, tensors: Operands):
        super().__init__()
        self.factors = factors
        self.turned = turned
        self.function = function
        self.tensors = tensors

    def forward(self, *computed: Tensor) -> Tensor:
        """a (M, K), b (K, N) -> (M, N)."""
        a, b, c = self.tensors(*computed)
        assert a is not None, "required by the operator"
        assert b is not None, "required by the operator"
        product = self.factors[0] * ((a.T if self.turned[0] else a) @ (b.T if self.turned[1] else b))
        return self.function(product if c is None else product + self.factors[1] * c)


class BiasedGelu(nn.Module):
    """BiasGelu-1 and FastGelu-1: gelu(x + bias), the second by its approximation with a tanh."""

    def __init__(self, approximate: str, tensors: Operands) -> None:
        super().__init__()
        self.approximate = approximate
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        (bias,) = self.tensors(*computed)
        return functional.gelu(values if bias is None else values + bias, approximate=self.approximate)


class QuickGelu(nn.Module):
    """QuickGelu-1: x sigmoid(alpha x)."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, values: Tensor) -> Tensor:
        """(...) -> (...)."""
        return values * torch.sigmoid(self.alpha * values)


class SkipNormalization(nn.Module):
    """SkipLayerNormalization-1 and SkipSimplifiedLayerNormalization-1: norm(x + skip + bias) gamma + beta over the last axis.

    simplified: by the root of the mean square alone, without the mean and beta.
    """

    def __init__(self, epsilon: float, simplified: bool, outputs: int, tensors: Operands) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.simplified = simplified
        self.outputs = outputs
        self.tensors = tensors

    def forward(self, values: Tensor, *computed: Tensor) -> Tensor | tuple[Tensor | None, ...]:
        """(..., C) -> (..., C), and as fourth output the sum that was normalised where the node has that many."""
        skip, gamma, beta, bias = self.tensors(*computed)
        assert skip is not None, "required by the operator"
        total = values + skip if bias is None else values + skip + bias
        centre = total if self.simplified else total - total.mean(-1, keepdim=True)
        result = centre * torch.rsqrt(centre.square().mean(-1, keepdim=True) + self.epsilon)
        result = result if gamma is None else result * gamma
        result = result if beta is None else result + beta
        return (result, None, None, total) if self.outputs == 4 else result


def _convolution(node: Node) -> Converted:
    own, own_names = operands(node, 1, 2)
    added, added_names = operands(node, 3)
    module = Convolution(window_of_weights(node, 1), int(node.attribute("group", 1)), own)
    function = activation(str(node.attribute("activation", "")), node.attribute("activation_params") or [])
    fused = FusedConvolution(module, function, len(own_names), added)
    return Converted(fused, (node.inputs[0], *own_names, *added_names))


def _product(node: Node) -> Converted:
    tensors, names = operands(node, 0, 1)
    turned = (bool(node.attribute("transA", 0)), bool(node.attribute("transB", 0)))
    batch = (bool(node.attribute("transBatchA", 0)), bool(node.attribute("transBatchB", 0)))
    return Converted(FusedProduct(float(node.attribute("alpha", 1.0)), turned, batch, tensors), names)


def _gemm(node: Node) -> Converted:
    tensors, names = operands(node, 0, 1, 2)
    parameters = [float(node.attribute(f"activation_{name}", 0.0)) for name in ("alpha", "beta", "gamma")]
    function = activation(str(node.attribute("activation", "")), parameters)
    factors = (float(node.attribute("alpha", 1.0)), float(node.attribute("beta", 1.0)))
    turned = (bool(node.attribute("transA", 0)), bool(node.attribute("transB", 0)))
    return Converted(FusedGemm(factors, turned, function, tensors), names)


def _gelu(approximate: str) -> Converter:
    def convert(node: Node) -> Converted:
        tensors, names = operands(node, 1)
        return Converted(BiasedGelu(approximate, tensors), (node.inputs[0], *names))

    return convert


def _skip(node: Node) -> Converted:
    simplified = "Simplified" in node.op
    # The simplified one has no beta, so its bias comes one place earlier.
    tensors, names = operands(node, 1, 2, *((len(node.inputs), 3) if simplified else (3, 4)))
    used = len(node.outputs)
    if used not in (1, 4) or any(node.outputs[1:3]):
        raise NotImplementedError("the mean and the deviation that only training needs")
    module = SkipNormalization(float(node.attribute("epsilon", 1e-12)), simplified, used, tensors)
    return Converted(module, (node.inputs[0], *names))


CONVERTERS: dict[str, Converter] = {
    "com.microsoft.FusedConv": _convolution,
    "com.microsoft.FusedMatMul": _product,
    "com.microsoft.FusedGemm": _gemm,
    "com.microsoft.Gelu": elementwise(nn.GELU),
    "com.microsoft.BiasGelu": _gelu("none"),
    "com.microsoft.FastGelu": _gelu("tanh"),
    "com.microsoft.QuickGelu": lambda node: Converted(QuickGelu(float(node.attribute("alpha", 1.702))), node.inputs),
    "com.microsoft.SkipLayerNormalization": _skip,
    "com.microsoft.SkipSimplifiedLayerNormalization": _skip,
}
