"""What a node's function takes: fixed values are stored at conversion, the rest comes as the module runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from onnx import TensorProto
from torch import Tensor, nn

from bnnaudit.onnx_import.conversion import Converted, Converter, Node
from bnnaudit.onnx_import.graph.element_types import grid_of
from bnnaudit.onnx_import.graph.external_weights import array_of, points
from bnnaudit.onnx_import.graph.own_operators import HIGHEST, LOWEST, QUANTIZES_TO
from bnnaudit.onnx_import.graph.torch_types import NARROW_TYPES, tensor_of
from bnnaudit.quantization.grids import Grid, RoundingMode
from bnnaudit.quantization.uniform import GridQuantizer

Number = int | float

NOT_OF_NUMPY = frozenset({*NARROW_TYPES, TensorProto.BFLOAT16})


class Operands(nn.Module):
    """What some inputs of a node hold, an entry each: stored, computed as the module runs, or None where left out.

    Tensors, such as weights, which are frozen; with `number` (int or float) lists of such numbers, as axes and sizes are.
    """

    def __init__(
        self,
        stored: Sequence[Tensor | Sequence[Number] | None],
        computed: Sequence[bool] = (),
        number: type[Number] | None = None,
    ) -> None:
        super().__init__()
        self.computed = list(computed) or [False] * len(stored)
        self.count = sum(self.computed)
        self.number = number
        for position, entry in enumerate(stored):
            held = nn.Parameter(entry, requires_grad=False) if isinstance(entry, Tensor) else self._list(entry)
            setattr(self, f"operand_{position}", held)

    def _list(self, entry: Sequence[Number] | None) -> list[Number] | None:
        return None if entry is None or self.number is None else [self.number(value) for value in entry]

    def forward(self, *tensors: Tensor) -> list[Any]:
        """The entries in their order; `tensors` are the computed ones."""
        given = iter(tensors if self.number is None else (self._list(tensor.flatten().tolist()) for tensor in tensors))
        return [next(given) if computed else getattr(self, f"operand_{i}") for i, computed in enumerate(self.computed)]


Names = tuple[str, ...]
"""Of computed inputs."""

Scaled = tuple[Tensor, Tensor | None]
"""What is to be rounded, in units of the result's scale, and the result's zero point."""


class FunctionModule(nn.Module):
    """`function(*inputs, *given, **settings)`: the module of a node that has nothing of its own but its settings.

    given: what the function takes after the values that come first, in the order in which it takes it.
    """

    def __init__(self, function: Callable[..., Any], /, *given: Operands, **settings: Any) -> None:
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
        """The function and its settings, for printing."""
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
    function: Callable[..., Any], inputs: Sequence[str], /, *given: tuple[Operands, Names], **settings: Any
) -> Converted:
    """A node that calls a function with some inputs as they come, what others hold, and its settings."""
    module = FunctionModule(function, *(part for part, _ in given), **settings)
    return Converted(module, (*inputs, *(name for _, names in given for name in names)))


def of_function(function: Callable[..., Any], **defaults: float | str) -> Converter:
    """The converter of an operator that is a function of its inputs, and of attributes with these defaults."""
    return lambda node: call(function, node.inputs, **node.settings(**defaults))


def of_tensors(function: Callable[..., Any], inputs: int, **defaults: float | str) -> Converter:
    """The same for so many inputs, of which any may be stored or left out."""
    return lambda node: call(function, (), operands(node, *range(inputs)), **node.settings(**defaults))


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
    """The numbers that a node quantizes to, as a pass has noted."""
    return grid_of(int(node.attribute(QUANTIZES_TO)), node.attribute(LOWEST), node.attribute(HIGHEST))


def quantized(node: Node, function: Callable[..., Any], inputs: int, /, **settings: Any) -> Converted:
    """A node that quantizes what a function returns of its first so many inputs, scales and zero points among them."""
    return onto_grid(result_grid(node), call(function, (), operands(node, *range(inputs)), **settings))


def operands(node: Node, *positions: int, number: type[Number] | None = None) -> tuple[Operands, Names]:
    """What some inputs of a node hold, tensors or lists of numbers, and the names of those that are computed."""
    waiting = [position for position in positions if node.has_input(position) and not node.is_constant(position)]
    stored: list[Tensor | list[Number] | None] = []
    for position in positions:
        array = None if position in waiting else node.constant(position)
        stored.append(None if array is None else tensor_of(array) if number is None else array.ravel().tolist())
    computed = [position in waiting for position in positions]
    return Operands(stored, computed, number), tuple(node.inputs[position] for position in waiting)


def numbers(node: Node, *positions: int, number: type[Number] = int) -> tuple[Operands, Names]:
    """The lists of numbers at some inputs of a node, and the names of those that are computed."""
    return operands(node, *positions, number=number)


def fixed_numbers(*lists: Sequence[Number] | None, number: type[Number] = int) -> tuple[Operands, Names]:
    """Lists that are all known, as where an old version has attributes for them."""
    return Operands(lists, number=number), ()


def stated_or_given(node: Node, attribute: str, position: int = 1) -> tuple[Operands, Names]:
    """A list of whole numbers: an attribute in old versions of an operator, an input since."""
    stated = node.attribute(attribute)
    if stated is None:
        return numbers(node, position)
    return fixed_numbers([stated] if isinstance(stated, int) else stated)


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
