"""Parsing an ONNX file without its large weights: the protocol buffer is walked, and what is large is only pointed at.

Of the encoding (protobuf.dev/programming-guides/encoding) only the outer layers are read here: model, graph, stored tensor.
The rest goes to the protocol buffers library, and so does every file in which anything is unusual.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from onnx import ModelProto, TensorProto

from bnnaudit.onnx_import.graph.external_weights import LARGE, point_to

GRAPH, INITIALIZER, RAW_DATA = 7, 5, 9
"""Numbers of fields in onnx.proto: a model's graph, a graph's stored tensors, a tensor's bytes."""
VARINT, SIZED = 0, 2
"""Wire types: a number of variable length, a length and as many bytes."""
WIDTHS = {1: 8, 5: 4}
"""Wire types of fixed widths, and these in bytes."""
PLAIN = frozenset({(1, VARINT), (1, SIZED), (2, VARINT), (8, SIZED)})
"""What a tensor has beside its bytes: sizes (one by one, or together), type, name."""


class UnusualError(Exception):
    """The file is not as every exporter writes it; whether it is damaged is for others to say."""


@dataclass(frozen=True, slots=True)
class Field:
    """Where a field lies: its key at `start`, what is sized from `content` up to `end`."""

    number: int
    kind: int
    start: int
    content: int
    end: int


def parse_lean(path: Path) -> tuple[ModelProto, list[TensorProto]]:
    """A model without its large stored tensors, and these, pointing into the file; raises DecodeError or OSError."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        try:
            return _model(file, size, path.resolve())
        except UnusualError:
            file.seek(0)
            return ModelProto.FromString(file.read()), []


def _model(file: BinaryIO, size: int, path: Path) -> tuple[ModelProto, list[TensorProto]]:
    fields = list(_fields(file, 0, size))
    graphs = [field for field in fields if field.number == GRAPH]
    if len(graphs) != 1 or graphs[0].kind != SIZED:
        raise UnusualError
    others = b"".join(_read(file, field.start, field.end) for field in fields if field.number != GRAPH)
    pieces: list[bytes] = []
    large: list[TensorProto] = []
    for field in _fields(file, graphs[0].content, graphs[0].end):
        tensor = _pointing(file, field, path)
        if tensor is None:
            pieces.append(_read(file, field.start, field.end))
        else:
            large.append(tensor)
    proto = ModelProto.FromString(others)
    proto.graph.SetInParent()  # an empty one is one too
    proto.graph.MergeFromString(b"".join(pieces))
    return proto, large


def _pointing(file: BinaryIO, field: Field, path: Path) -> TensorProto | None:
    """The stored tensor that a field of a graph holds, if it is a large one whose bytes lie in one piece."""
    if field.number != INITIALIZER or field.kind != SIZED or field.end - field.content < LARGE:
        return None
    parts = list(_fields(file, field.content, field.end))
    raw = [part for part in parts if part.number == RAW_DATA]
    if len(raw) != 1 or raw[0].kind != SIZED or raw[0].end - raw[0].content < LARGE:
        return None
    rest = [part for part in parts if part.number != RAW_DATA]
    if any((part.number, part.kind) not in PLAIN for part in rest):
        return None
    tensor = TensorProto.FromString(b"".join(_read(file, part.start, part.end) for part in rest))
    point_to(tensor, path, raw[0].content, raw[0].end - raw[0].content)
    return tensor


def _fields(file: BinaryIO, start: int, end: int) -> Iterator[Field]:
    """The fields of a message that lies from `start` up to `end`."""
    while start < end:
        file.seek(start)
        key = _varint(file)
        kind = key & 7
        if kind == VARINT:
            _varint(file)
            length = 0
        elif kind == SIZED:
            length = _varint(file)
        elif kind in WIDTHS:
            length = WIDTHS[kind]
        else:
            raise UnusualError
        content = file.tell()
        after = content + length
        if after > end or key >> 3 == 0:
            raise UnusualError
        yield Field(key >> 3, kind, start, content, after)
        start = after


def _read(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 64, 7):
        byte = file.read(1)
        if not byte:
            raise UnusualError
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise UnusualError
