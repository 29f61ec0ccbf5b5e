"""What a node's function takes: what is fixed is stored at conversion, the rest comes as the module runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onnx import TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Node
from bnnaudit.onnx_import.graph.element_types import grid_of
from bnnaudit.onnx_import.graph.external_weights import array_of, points
from bnnaudit.onnx_import.graph.own_operators import QUANTIZES_TO
from bnnaudit.onnx_import.graph.torch_types import NARROW_TYPES, tensor_of
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.uniform import GridQuantizer

Number = int | float

STORED, COMPUTED, MISSING = "stored", "computed", "missing"

NOT_OF_NUMPY = frozenset({*NARROW_TYPES, TensorProto.BFLOAT16})


class Numbers(nn.Module):
    """Lists of numbers, such as axes and sizes, one for each of some inputs: fixed, computed, or None where left out.

    whole: the numbers are taken as whole ones.
    """

    def __init__(self, lists: Sequence[Sequence[Number] | None], computed: Sequence[bool], whole: bool = True) -> None:
        super().__init__()
        self.number = int if whole else float
        self.lists = [None if given is None else [self.number(number) for number in given] for given in lists]
        self.computed = list(computed)
        self.count = sum(computed)

    def forward(self, *tensors: Tensor) -> list[list[Number] | None]:
        """The lists in their order; `tensors` are the computed ones."""
        given = iter(tensors)
        return [
            [self.number(number) for number in next(given).flatten().tolist()] if computed else fixed
            for fixed, computed in zip(self.lists, self.computed, strict=True)
        ]

    def extra_repr(self) -> str:
        """For people: the lists, `?` for a computed one."""
        shown = zip(self.lists, self.computed, strict=True)
        return ", ".join("?" if computed else f"{fixed}" for fixed, computed in shown)


class Operands(nn.Module):
    """Tensors, such as weights, one for each of some inputs: stored (frozen), computed, or None where left out."""

    def __init__(self, stored: Sequence[Tensor | None], kinds: Sequence[str]) -> None:
        super().__init__()
        self.kinds = list(kinds)
        self.count = self.kinds.count(COMPUTED)
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


Names = tuple[str, ...]
"""Of computed inputs."""


class FunctionModule(nn.Module):
    """`function(*inputs, *given, **settings)`: the module of a node that has nothing of its own but its settings.

    given: what the function takes after the values that come first, in the order in which it takes it.
    """

    def __init__(self, function: Callable[..., Any], /, *given: Operands | Numbers, **settings: Any) -> None:
        super().__init__()
        self.function = function
        self.given = nn.ModuleList(given)
        self.counts = [part.count for part in given]
        self.settings = settings

    def forward(self, *tensors: Tensor) -> Any:
        """The inputs and what of `given` is computed -> what the function returns; TypeError for too few tensors."""
        if not self.counts:
            return self.function(*tensors, **self.settings)
        start = len(tensors) - sum(self.counts)
        if start < 0:
            raise TypeError(f"{len(tensors)} tensors for a node that takes {sum(self.counts)} or more")
        arguments: list[Any] = list(tensors[:start])
        for part, count in zip(self.given, self.counts, strict=True):
            arguments += part(*tensors[start : start + count])
            start += count
        return self.function(*arguments, **self.settings)

    def extra_repr(self) -> str:
        """For people: the function and its settings."""
        name = getattr(self.function, "__name__", "function").removeprefix("_")
        return ", ".join((name, *(f"{key}={value}" for key, value in self.settings.items())))


class FunctionOntoGrid(GridQuantizer):
    """A quantizer onto the numbers of a grid of what a function returns: the scaled values, and a zero point or None."""

    def __init__(
        self,
        grid: Grid,
        scaled: nn.Module,
        mode: RoundingMode = RoundingMode.HALF_EVEN,
        saturate: bool = True,
        op: str = GridQuantizer.op,
    ) -> None:
        super().__init__(grid, mode, saturate)
        self.scaled = scaled
        self.op = op

    def forward(self, *tensors: Tensor) -> Tensor:
        """What the function takes -> numbers of the grid, as floats."""
        return self.onto_grid(*self.scaled(*tensors))


def call(
    function: Callable[..., Any], inputs: Sequence[str], /, *given: tuple[Operands | Numbers, Names], **settings: Any
) -> Converted:
    """A node that calls a function with some inputs as they come, what others hold, and its settings."""
    module = FunctionModule(function, *(part for part, _ in given), **settings)
    return Converted(module, (*inputs, *(name for _, names in given for name in names)))


def onto_grid(
    grid: Grid,
    scaled: Converted,
    mode: RoundingMode = RoundingMode.HALF_EVEN,
    saturate: bool = True,
    op: str = GridQuantizer.op,
) -> Converted:
    """A node that calls a function and quantizes what it returns."""
    return Converted(FunctionOntoGrid(grid, scaled.module, mode, saturate, op), scaled.inputs)


def result_grid(node: Node) -> Grid:
    """The numbers that a node quantizes to, as a pass has told it."""
    return grid_of(int(node.attribute(QUANTIZES_TO)))


def numbers(node: Node, *positions: int, whole: bool = True) -> tuple[Numbers, Names]:
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
    return Numbers(lists, computed, whole), tuple(names)


def fixed_numbers(*lists: Sequence[Number] | None, whole: bool = True) -> tuple[Numbers, Names]:
    """Lists that are all known, as where an old version has attributes for them."""
    return Numbers(lists, [False] * len(lists), whole), ()


def stated_or_given(node: Node, attribute: str, position: int = 1) -> tuple[Numbers, Names]:
    """A list of whole numbers: an attribute in old versions of an operator, an input since."""
    stated = node.attribute(attribute)
    if stated is None:
        return numbers(node, position)
    return fixed_numbers([stated] if isinstance(stated, int) else stated)


def operands(node: Node, *positions: int) -> tuple[Operands, Names]:
    """The tensors at some inputs of a node, and the names of those that are computed."""
    stored: list[Tensor | None] = []
    kinds, names = [], []
    for position in positions:
        array = node.constant(position) if node.is_constant(position) else None
        stored.append(None if array is None else tensor_of(array))
        if array is not None:
            kinds.append(STORED)
        elif node.has_input(position):
            kinds.append(COMPUTED)
            names.append(node.inputs[position])
        else:
            kinds.append(MISSING)
    return Operands(stored, kinds), tuple(names)


class WithStoredInputs(nn.Module):
    """A module some of whose inputs, at the positions of `stored`, are tensors that it holds itself."""

    def __init__(self, module: nn.Module, stored: Mapping[int, Tensor], count: int) -> None:
        super().__init__()
        self.module = module
        self.is_stored = [position in stored for position in range(count)]
        for position, tensor in stored.items():
            self.register_buffer(f"input_{position}", tensor)

    def forward(self, *given: Tensor) -> Any:
        """The other inputs, in their order -> what the module returns."""
        rest = iter(given)
        inputs = [getattr(self, f"input_{i}") if stored else next(rest) for i, stored in enumerate(self.is_stored)]
        return self.module(*inputs)


def with_stored_inputs(converted: Converted, initializers: Mapping[str, Any]) -> Converted:
    """The same node, holding the stored inputs that onnx2torch cannot hand it: of types that NumPy lacks, or large."""
    tensors = {i: initializers[name].proto for i, name in enumerate(converted.inputs) if name in initializers}
    stored = {
        position: tensor_of(array_of(proto))
        for position, proto in tensors.items()
        if proto.data_type in NOT_OF_NUMPY or points(proto)
    }
    if not stored:
        return converted
    rest = tuple(name for position, name in enumerate(converted.inputs) if position not in stored)
    return Converted(WithStoredInputs(converted.module, stored, len(converted.inputs)), rest)
