"""What a converter is: from a node of an ONNX graph to a torch module and the values that it takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from onnx import AttributeProto
from torch import nn

from bnnaudit.onnx_import.graph.external_weights import array_of
from bnnaudit.onnx_import.graph.own_operators import SINCE_VERSION

if TYPE_CHECKING:
    from onnx2torch.onnx_graph import OnnxGraph
    from onnx2torch.onnx_node import OnnxNode


@dataclass(frozen=True, slots=True)
class Converted:
    """A module and the graph's values that it takes, in order; constants that it has absorbed are left out."""

    module: nn.Module
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A node as converters see it: attributes, and inputs of which some are constants.

    `version` is that of the operator's definition in force; 1 for operators of other domains.
    """

    source: OnnxNode
    graph: OnnxGraph

    @property
    def op(self) -> str:
        """The operator's name."""
        return str(self.source.operation_type)

    @property
    def version(self) -> int:
        """Since which version of the standard operators this node's meaning holds."""
        return int(self.source.attributes.get(SINCE_VERSION, 1))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs; an optional input that is left out is empty or missing."""
        return tuple(self.source.input_values)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(self.source.output_values)

    def has_input(self, position: int) -> bool:
        """Whether the optional input at `position` is given."""
        return len(self.inputs) > position and self.inputs[position] != ""

    def flag(self, name: str, default: int = 0) -> bool:
        """An attribute that is 0 or 1."""
        return bool(self.attribute(name, default))

    def flags(self, *names: str) -> tuple[bool, ...]:
        """Attributes that are 0 or 1."""
        return tuple(self.flag(name) for name in names)

    def settings(self, **defaults: float | str) -> dict[str, Any]:
        """Attributes by name, each of the type of its default."""
        return {name: type(default)(self.attribute(name, default)) for name, default in defaults.items()}

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value, or `default`."""
        value = self.source.attributes.get(name, default)
        # onnx2torch leaves an empty list as the attribute that it is.
        return [] if isinstance(value, AttributeProto) else value

    def constant(self, position: int) -> NDArray[Any] | None:
        """The constant at input `position`; None where the input is missing. NotImplementedError if it is computed."""
        if not self.has_input(position):
            return None
        tensor = self.graph.initializers.get(self.inputs[position])
        if tensor is None:
            raise NotImplementedError(
                f"input {position} ({self.inputs[position]!r}) is computed, only constants are supported"
            )
        return array_of(tensor.proto)

    def is_constant(self, position: int) -> bool:
        """Whether the input at `position` is a stored tensor."""
        return self.has_input(position) and self.inputs[position] in self.graph.initializers

    def shape(self, position: int = 0) -> tuple[int | None, ...] | None:
        """The shape of an input, None for an unknown axis, None alone for an unknown rank or a missing input."""
        if not self.has_input(position):
            return None
        name = self.inputs[position]
        if name in self.graph.initializers:
            return tuple(self.graph.initializers[name].proto.dims)
        info = self.graph.value_info.get(name)
        if info is None or not info.type.tensor_type.HasField("shape"):
            return None
        return tuple(dim.dim_value if dim.HasField("dim_value") else None for dim in info.type.tensor_type.shape.dim)

    def element_type(self, position: int = 0) -> int:
        """The TensorProto type of an input, 0 where unknown or missing."""
        if not self.has_input(position):
            return 0
        name = self.inputs[position]
        if name in self.graph.initializers:
            return int(self.graph.initializers[name].proto.data_type)
        info = self.graph.value_info.get(name)
        return int(info.type.tensor_type.elem_type) if info is not None else 0

    def rank(self, position: int = 0) -> int:
        """The number of axes of an input; NotImplementedError where the file does not tell."""
        shape = self.shape(position)
        if shape is None:
            raise NotImplementedError(f"the number of axes of {self.inputs[position]!r} is unknown")
        return len(shape)


Converter = Callable[[Node], Converted]


def of_module(module: Callable[[], nn.Module]) -> Converter:
    """The converter of an operator of one input and no settings."""
    return lambda node: Converted(module(), node.inputs[:1])


def refused(why: str) -> Converter:
    """The converter of an operator that is known, and has no differentiable import."""

    def refuse(_: Node) -> Converted:
        raise NotImplementedError(why)

    return refuse
