"""The one input of a classifier: its shape, its layout, its batch, and how images become it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, ValueInfoProto, helper

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import Layout
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.target import Preparation
from bnnaudit.onnx_import.graph.graph import FLOATS, Graph, attribute

CHANNELS = frozenset({1, 3, 4})
WHOLE_NUMBERS = {
    **dict.fromkeys((TensorProto.UINT8, TensorProto.INT8, TensorProto.UINT16, TensorProto.INT16), True),
    **dict.fromkeys((TensorProto.UINT32, TensorProto.INT32, TensorProto.UINT64, TensorProto.INT64), False),
}
"""Types of whole numbers, and whether pixels fill their whole range, so that it says what images are."""
TO_CHANNELS_FIRST = [0, 3, 1, 2]
POINTWISE = frozenset(
    {
        *("Add", "Sub", "Mul", "Div", "Cast", "Clip", "Sign", "Round", "Identity", "Relu", "BatchNormalization"),
        *("QuantizeLinear", "DequantizeLinear", "Quant", "BipolarQuant"),
    }
)
"""Operators that keep the order of the axes: a convolution behind them reads the input's own layout."""
CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "QLinearConv"})


@dataclass(frozen=True, slots=True)
class NetworkInput:
    """shape: without the batch. fixed_batch: the batch that the file insists on. whole: it takes whole numbers only."""

    name: str
    shape: tuple[int, ...]
    layout: Layout
    fixed_batch: int | None
    element_type: int

    @property
    def kind(self) -> str:
        """`uint8`."""
        return type_name(self.element_type)

    @property
    def whole(self) -> bool:
        """Whether the network takes integers."""
        return self.element_type in WHOLE_NUMBERS

    @property
    def limits(self) -> tuple[float, float]:
        """The lowest and the highest number of an integer input."""
        limits = np.iinfo(helper.tensor_dtype_to_np_dtype(self.element_type))
        return float(limits.min), float(limits.max)


def read_input(path: Path, graph: Graph, layout: Layout | None) -> NetworkInput:
    """The input of a simplified graph; `layout` overrides what the file suggests. Raises ModelError."""
    info = only_input(path, graph)
    kind = int(info.type.tensor_type.elem_type)
    if kind not in FLOATS | WHOLE_NUMBERS.keys():
        raise ModelError(f"{path}: input {info.name!r} takes {type_name(kind)}, not numbers")
    dims = graph.shape(info.name)
    if dims is None or len(dims) < 2:
        raise ModelError(f"{path}: input {info.name!r} has shape {written(info)}; images with a batch axis are needed")
    shape = tuple(size for size in dims[1:] if size is not None)
    if len(shape) != len(dims) - 1 or 0 in shape:
        raise ModelError(
            f"{path}: input {info.name!r} has a size that is 0 or open ({written(info)}); export the model for one image size"
        )
    found = _layout(path, graph, info.name, shape, layout)
    return NetworkInput(info.name, shape, found, dims[0] or None, kind)


def preparation(path: Path, source: NetworkInput, preprocessing: Preprocessing) -> Preparation:
    """How images become this input; raises ModelError where mean or std does not fit its channels."""
    first_or_last = {Layout.NCHW: source.shape[0], Layout.NHWC: source.shape[-1], Layout.FLAT: None}[source.layout]
    channels = first_or_last if len(source.shape) == 3 else None
    for name, values in (("mean", preprocessing.mean), ("std", preprocessing.std)):
        if channels is not None and len(values) not in (0, 1, channels):
            raise ModelError(f"{path}: {name} has {len(values)} values for an input of {channels} channels")
    return Preparation(source.shape, source.layout, preprocessing.mean, preprocessing.std, preprocessing.channels)


def only_input(path: Path, graph: Graph) -> ValueInfoProto:
    """The one tensor that the model takes; raises ModelError where there is another number of them."""
    inputs = list(graph.proto.input)
    if len(inputs) == 1 and inputs[0].type.HasField("tensor_type"):
        return inputs[0]
    names = ", ".join(repr(info.name) for info in inputs) or "none"
    raise ModelError(f"{path}: a classifier of images takes one tensor; this model's inputs: {names}")


def _layout(path: Path, graph: Graph, name: str, shape: tuple[int, ...], wish: Layout | None) -> Layout:
    if len(shape) > 3:
        raise ModelError(f"{path}: input {name!r} has {len(shape)} axes besides the batch; images have at most three")
    if wish is not None and wish is not Layout.FLAT and len(shape) == 2:
        raise ModelError(
            f"{path}: layout {wish} needs an input with three axes besides the batch, or with one into which images are "
            f"flattened; this one has {shape}"
        )
    if wish is not None:
        return wish
    if len(shape) != 3:
        return Layout.FLAT
    first, last = shape[0] in CHANNELS, shape[2] in CHANNELS
    if first != last:
        return Layout.NCHW if first else Layout.NHWC
    found = layout_of_use(graph, name)
    if found is None and first and shape[0] != shape[2]:
        found = Layout.NCHW if shape[0] < shape[2] else Layout.NHWC
    if found is None:
        raise ModelError(
            f"{path}: cannot tell which axis of input {name!r} {shape} holds the channels; give --layout nchw or nhwc"
        )
    return found


def layout_of_use(graph: Graph, name: str) -> Layout | None:
    """The layout that the first convolution or transposition behind the input takes; None where there is none."""
    values = [name]
    for value in values:
        for node in graph.users(value):
            if node.op_type in CONVOLUTIONS and node.input[0] == value:
                return Layout.NCHW
            if node.op_type == "Transpose" and list(attribute(node, "perm") or []) == TO_CHANNELS_FIRST:
                return Layout.NHWC
            if node.op_type in POINTWISE:
                values.extend(node.output[:1])
    return None


def written(info: ValueInfoProto) -> str:
    """A shape as a person writes it: batch x 3 x 32 x 32, a question mark for what is unknown."""
    if not info.type.tensor_type.HasField("shape"):
        return "of any shape"
    dims = info.type.tensor_type.shape.dim
    return " x ".join(str(dim.dim_value) if dim.HasField("dim_value") else dim.dim_param or "?" for dim in dims) or "()"


def type_name(element_type: int) -> str:
    """`uint8`, or a number where it names no type."""
    known = element_type and element_type in TensorProto.DataType.values()
    return str(TensorProto.DataType.Name(element_type)).lower() if known else f"type {element_type}"
