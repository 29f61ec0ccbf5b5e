"""Inputs whose size the file leaves open: closed in our copy by what the user states, or by the size of the data."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from pathlib import Path

from onnx import ModelProto, ValueInfoProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.facts import Layout
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.models.onnx.file import OnnxFile
from bnnaudit.models.onnx.input import CHANNELS, layout_of_use, only_input, written
from bnnaudit.onnx_import.graph.graph import Graph

Sizes = tuple[int | None, ...]


class OpenShapeError(ModelError):
    """The file leaves the size of its input open, and nothing else tells it yet."""


def settled_shape(path: Path, graph: Graph, chosen: Preprocessing) -> tuple[int, ...] | None:
    """The input's shape without the batch, where the file leaves some of it open; None where there is nothing to settle.

    What is stated comes first, then the data's. Raises OpenShapeError where neither is known, and ModelError where what is
    stated contradicts the file.
    """
    info = only_input(path, graph)
    dims = graph.shape(info.name)
    if dims is not None and len(dims) < 2:
        return None
    sizes = None if dims is None else dims[1:]
    if chosen.input_shape is not None and not _fits(chosen.input_shape, sizes):
        stated = ",".join(map(str, chosen.input_shape))
        raise ModelError(f"{path}: input {info.name!r} is {written(info)}, which --input-shape {stated} contradicts")
    if sizes is not None and None not in sizes:
        return None
    return chosen.input_shape or _of_data(path, graph, info, chosen, sizes)


def _of_data(
    path: Path, graph: Graph, info: ValueInfoProto, chosen: Preprocessing, sizes: Sizes | None
) -> tuple[int, ...]:
    """The shape that the data tell; raises OpenShapeError where they are not known, do not fit, or fit in several ways."""
    fitting = [] if chosen.data_shape is None else _candidates(graph, info.name, chosen, sizes)
    pictures = [shape for shape in fitting if len(shape) == 3 and 1 not in shape]
    if fitting and len(pictures) < 2:
        return fitting[0]
    why = ""
    if pictures:
        why = f", and for these data it could be {' or '.join('x'.join(map(str, shape)) for shape in pictures)}"
    elif chosen.data_shape is not None:
        why = f", which images of {'x'.join(map(str, chosen.data_shape))} do not fit"
    raise OpenShapeError(
        f"{path}: input {info.name!r} has no fixed size ({written(info)}){why}; give --input-shape with its sizes after the "
        "batch in the file's order, as in 3,32,32, or [preprocessing] input_shape in its card"
    )


def with_input(source: OnnxFile, shape: tuple[int, ...], batch: int | None) -> OnnxFile:
    """The file with its input's sizes filled in, in our copy alone; `batch` None leaves the batch as it is."""
    proto = ModelProto()
    proto.CopyFrom(source.proto)
    stored = {tensor.name for tensor in proto.graph.initializer}
    (info,) = (info for info in proto.graph.input if info.name not in stored)
    sizes = info.type.tensor_type.shape.dim
    while len(sizes) < len(shape) + 1:
        sizes.add()
    for dim, size in zip(sizes, (batch, *shape), strict=True):
        if size is not None:
            dim.dim_value = size
    return replace(source, proto=proto)


def _candidates(graph: Graph, name: str, chosen: Preprocessing, sizes: Sizes | None) -> list[tuple[int, ...]]:
    """The shapes that the data allow and the file does not contradict, the likeliest first."""
    shape = chosen.data_shape
    assert shape is not None, "asked only with data"
    layout = chosen.layout or layout_of_use(graph, name)
    pictures = [] if len(shape) == 1 else _images(shape, sizes)
    possible = [form for picture in pictures for form in _written_as(layout, *picture)] or [shape]
    return [found for found in dict.fromkeys(possible) if _fits(found, sizes)]


def _images(shape: tuple[int, ...], sizes: Sizes | None) -> list[tuple[int, int, int]]:
    """Raw images (H, W), (H, W, C) or (C, H, W) as (C, H, W), under each reading of the axes.

    Grey pictures may be for a network of three channels, as files of pictures are then repeated.
    """
    if len(shape) == 2:
        height, width = shape
        channels = (1, 3) if sizes is not None and 3 in sizes else (1,)
        return [(count, height, width) for count in channels]
    first, last = shape[0] in CHANNELS, shape[2] in CHANNELS
    readings = [(shape[0], shape[1], shape[2]), (shape[2], shape[0], shape[1])]
    if first == last:
        return readings
    return readings[:1] if first else readings[1:]


def _written_as(layout: Layout | None, channels: int, height: int, width: int) -> list[tuple[int, ...]]:
    """The input shapes that an image may have in a network, those of another layout than the known one left out."""
    forms: dict[Layout, tuple[int, ...]] = {
        Layout.NCHW: (channels, height, width),
        Layout.NHWC: (height, width, channels),
        Layout.FLAT: (prod((channels, height, width)),),
    }
    return [form for kind, form in forms.items() if layout in (None, Layout.FLAT, kind) or kind is Layout.FLAT]


def _fits(shape: tuple[int, ...], sizes: Sizes | None) -> bool:
    """Whether a shape is one of those that the file leaves open; it may be any where the file states none."""
    if sizes is None:
        return True
    return len(shape) == len(sizes) and all(known in (None, size) for size, known in zip(shape, sizes, strict=True))
