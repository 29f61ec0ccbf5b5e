"""Products of matrices: MatMul, Gemm, Einsum."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.converters.unsigned import through_signed
from bnnaudit.onnx_import.operands import Operands, operands


class MatMul(nn.Module):
    """The product of two matrices, or of stacks of them."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """(..., R, K), (..., K, C) -> (..., R, C); vectors as NumPy has them."""
        return through_signed(torch.matmul)(left, right)


class Gemm(nn.Module):
    """alpha A B + beta C, with A and B transposed if so told; C may be missing, and broadcasts."""

    def __init__(self, given: Operands, alpha: float, beta: float, transposed: tuple[bool, bool]) -> None:
        super().__init__()
        self.given = given
        self.alpha = alpha
        self.beta = beta
        self.transposed = transposed

    def forward(self, left: Tensor, *computed: Tensor) -> Tensor:
        """(R, K), and (K, C) and (R, C) if they are computed -> (R, C)."""
        right, added = self.given(*computed)
        left = left.mT if self.transposed[0] else left
        plain = self.alpha == 1 and (added is None or (self.beta == 1 and added.dim() == 1))
        if plain and left.is_floating_point():
            return functional.linear(left, right if self.transposed[1] else right.mT, added)
        return through_signed(self._general)(left, right.mT if self.transposed[1] else right, added)

    def _general(self, left: Tensor, right: Tensor, added: Tensor | None) -> Tensor:
        product = torch.matmul(left, right)
        if self.alpha != 1:
            product = (product * self.alpha).to(left.dtype)
        if added is None:
            return product
        return product + (added if self.beta == 1 else (added * self.beta).to(left.dtype))

    def extra_repr(self) -> str:
        """For people: the factors."""
        return f"alpha={self.alpha:g}, beta={self.beta:g}, transposed={self.transposed}"


class Einsum(nn.Module):
    """A sum of products of elements, as Einstein's notation says."""

    def __init__(self, equation: str) -> None:
        super().__init__()
        self.equation = equation

    def forward(self, *operands: Tensor) -> Tensor:
        """Tensors with an axis for each letter of their term -> a tensor with one for each of the result's."""
        result: Tensor = torch.einsum(self.equation, *operands)
        return result

    def extra_repr(self) -> str:
        """For people: the equation."""
        return self.equation


def _gemm(node: Node) -> Converted:
    given, computed = operands(node, 1, 2)
    transposed = bool(node.attribute("transA", 0)), bool(node.attribute("transB", 0))
    factors = float(node.attribute("alpha", 1.0)), float(node.attribute("beta", 1.0))
    return Converted(Gemm(given, *factors, transposed), (node.inputs[0], *computed))


CONVERTERS: dict[str, Converter] = {
    "Einsum": lambda node: Converted(Einsum(str(node.attribute("equation"))), node.inputs),
    "Gemm": _gemm,
    "MatMul": lambda node: Converted(MatMul(), node.inputs),
}
