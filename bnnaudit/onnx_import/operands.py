"""What an operator takes beside its values: constants are absorbed at conversion, the rest comes as the module runs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Node
from bnnaudit.onnx_import.graph.torch_types import carried

Number = int | float

STORED, COMPUTED, MISSING = "stored", "computed", "missing"


class Numbers:
    """Lists of numbers, such as axes and sizes, one for each of some inputs: fixed, computed, or None where left out."""

    def __init__(self, lists: Sequence[Sequence[Number] | None], computed: Sequence[bool]) -> None:
        self.lists = [None if numbers is None else list(numbers) for numbers in lists]
        self.computed = list(computed)

    def read(self, tensors: Sequence[Tensor]) -> list[list[Number] | None]:
        """The lists in their order; `tensors` are the computed ones."""
        given = iter(tensors)
        return [
            next(given).flatten().tolist() if computed else numbers
            for numbers, computed in zip(self.lists, self.computed, strict=True)
        ]

    def whole(self, tensors: Sequence[Tensor]) -> list[list[int] | None]:
        """The lists as whole numbers."""
        return [None if numbers is None else [int(number) for number in numbers] for numbers in self.read(tensors)]

    def __repr__(self) -> str:
        """For people: the lists, `?` for a computed one."""
        shown = zip(self.lists, self.computed, strict=True)
        return ", ".join("?" if computed else f"{numbers}" for numbers, computed in shown)


def numbers(node: Node, *positions: int) -> tuple[Numbers, tuple[str, ...]]:
    """The lists of numbers at some inputs of a node, and the names of those that are computed."""
    lists: list[list[Number] | None] = []
    names = []
    for position in positions:
        fixed = node.is_constant(position) or not node.has_input(position)
        array = node.constant(position) if fixed else None
        lists.append(None if array is None else array.ravel().tolist())
        if not fixed:
            names.append(node.inputs[position])
    computed = [node.has_input(position) and not node.is_constant(position) for position in positions]
    return Numbers(lists, computed), tuple(names)


def fixed_numbers(*lists: Sequence[Number] | None) -> Numbers:
    """Lists that are all known, as where an old version has attributes for them."""
    return Numbers(lists, [False] * len(lists))


class Operands(nn.Module):
    """Tensors, such as weights, one for each of some inputs: stored (frozen), computed, or None where left out."""

    def __init__(self, stored: Sequence[Tensor | None], kinds: Sequence[str]) -> None:
        super().__init__()
        self.kinds = list(kinds)
        for position, tensor in enumerate(stored):
            if tensor is not None:
                self.register_parameter(f"operand_{position}", nn.Parameter(tensor, requires_grad=False))

    def forward(self, *computed: Tensor) -> tuple[Tensor | None, ...]:
        """The tensors in their order; `computed` are the computed ones."""
        given = iter(computed)
        found: list[Tensor | None] = []
        for position, kind in enumerate(self.kinds):
            if kind == MISSING:
                found.append(None)
            else:
                found.append(next(given) if kind == COMPUTED else getattr(self, f"operand_{position}"))
        return tuple(found)


def operands(node: Node, *positions: int) -> tuple[Operands, tuple[str, ...]]:
    """The tensors at some inputs of a node, and the names of those that are computed."""
    stored: list[Tensor | None] = []
    kinds, names = [], []
    for position in positions:
        array = node.constant(position) if node.is_constant(position) else None
        stored.append(None if array is None else carried(array))
        if array is not None:
            kinds.append(STORED)
        elif node.has_input(position):
            kinds.append(COMPUTED)
            names.append(node.inputs[position])
        else:
            kinds.append(MISSING)
    return Operands(stored, kinds), tuple(names)
