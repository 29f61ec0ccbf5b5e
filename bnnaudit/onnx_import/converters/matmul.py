"""Products of matrices: MatMul, Gemm, Einsum."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.torch_types import for_unsigned
from bnnaudit.onnx_import.operands import call, operands


@for_unsigned
def gemm(
    left: Tensor, right: Tensor, added: Tensor | None, alpha: float, beta: float, transposed: tuple[bool, bool]
) -> Tensor:
    """alpha A B + beta C, with A and B transposed if so told; C may be missing, and broadcasts.

    A (R, K), B (K, C), C (R, C) -> (R, C).
    """
    left = left.mT if transposed[0] else left
    plain = alpha == 1 and (added is None or (beta == 1 and added.dim() == 1))
    if plain and left.is_floating_point():
        return functional.linear(left, right if transposed[1] else right.mT, added)
    product = torch.matmul(left, right.mT if transposed[1] else right)
    if alpha != 1:
        product = (product * alpha).to(left.dtype)
    if added is None:
        return product
    return product + (added if beta == 1 else (added * beta).to(left.dtype))


def gemm_of(node: Node) -> Converted:
    """Gemm."""
    settings = {**node.settings(alpha=1.0, beta=1.0), "transposed": node.flags("transA", "transB")}
    return call(gemm, node.inputs[:1], operands(node, 1, 2), **settings)


def einsum(node: Node) -> Converted:
    """Einsum: tensors with an axis for each letter of their term -> a tensor with one for each of the result's."""
    equation = str(node.attribute("equation"))
    return call(lambda *tensors: torch.einsum(equation, *tensors), node.inputs)
