"""Reading an untrusted ONNX file: what is not a sound model in its own folder is refused in one line."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message  # type: ignore[import-untyped]
from onnx import AttributeProto, GraphProto, ModelProto, TensorProto, external_data_helper

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import ModelError, one_line
from bnnaudit.core.file_limits import LONGEST_LOCATION, ONNX_BYTES
from bnnaudit.core.stages import doing
from bnnaudit.models.first_try import allow_for
from bnnaudit.models.onnx.protobuf_wire import parse_lean
from bnnaudit.models.onnx.tidy import for_checker, tidy
from bnnaudit.onnx_import.graph.external_weights import LARGE, point_to, points, stated_length
from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN
from bnnaudit.onnx_import.graph.written_out import check_written_out
from bnnaudit.onnx_import.least_inputs import check_inputs
from bnnaudit.onnx_import.operators import UNKNOWN, spec_of
from bnnaudit.onnx_import.runtime import opens

NUMBERS = frozenset({"raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data"})
"""Fields of stored tensors that may be large."""
NARROW_BITS = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}
"""Types of which several values share a byte."""
KEPT = 1 << 24
"""A larger file is not kept in memory for replay, but read once more; not tuned."""


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """A checked model. `external` names the files beside the model that some weights came from.

    `proto` has all weights, the large ones pointed at in their files (see `external_weights`). `data` is the file itself,
    so that what is replayed is what was read; None for a large one (see `check_unchanged`).
    """

    path: Path
    data: bytes | None
    proto: ModelProto
    sha256: str
    external: tuple[Path, ...] = ()

    def check_unchanged(self) -> None:
        """Raise ModelError if the file is not what it was when it was read."""
        if self.data is None and sha256_of(self.path) != self.sha256:
            raise ModelError(f"{self.path}: the file changed while it was read; run again")


def read_onnx(path: Path) -> OnnxFile:
    """The model in an ONNX file, checked, its external data read; raises ModelError."""
    size = _size(path)
    doing("reading it")
    try:
        digest = sha256_of(path)
        data = path.read_bytes() if size <= KEPT else None
        proto, large = _parse(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error
    references = _references(path, proto, size)
    external = tuple(dict.fromkeys(reference.place for reference in references))
    allow_for(sum(reference.length for reference in references))
    _take(proto, references)
    proto.graph.initializer.extend(large)
    try:
        _check_attributes(proto)
        check_inputs(proto)
        check_written_out(proto)
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    tidy(proto)
    _check(path, proto, None if external else data)
    _check_tensors(path, proto)
    return OnnxFile(path, data, proto, digest, external)


def _size(path: Path) -> int:
    if path.is_dir():
        raise ModelError(f"{path}: is a folder, not an ONNX file")
    if not path.exists():
        raise ModelError(f"{path}: no such file")
    size = path.stat().st_size
    if size == 0:
        raise ModelError(f"{path}: the file is empty")
    if ONNX_BYTES.exceeded_by(size):
        raise ModelError(f"{path}: larger than 2 GiB, which an ONNX file cannot be: {ONNX_BYTES.refusal(size)}")
    return size


def _parse(path: Path) -> tuple[ModelProto, list[TensorProto]]:
    """The model without its large stored tensors, and these."""
    try:
        proto, large = parse_lean(path)
    except DecodeError as error:
        raise ModelError(f"{path}: not an ONNX model, or a damaged one (its protocol buffer cannot be read)") from error
    if not proto.HasField("graph") or not proto.opset_import:
        raise ModelError(f"{path}: not an ONNX model, or a truncated one (it has no graph or names no operator set)")
    if any(isinstance(text, bytes) for text in (*_texts(proto), *(tensor.name for tensor in large))):
        raise ModelError(f"{path}: a damaged ONNX model (a name in it is not UTF-8)")
    if not proto.graph.node:
        raise ModelError(f"{path}: the graph has no nodes")
    return proto, large


def _texts(message: Message) -> Iterator[str | bytes]:
    """Every name and note in a message; protocol buffers give back bytes where they are not UTF-8, and ONNX Runtime raises.

    Notes on single nodes and values, which nothing reads, may hold anything, and so may numbers.
    """
    for field, value in message.ListFields():
        if field.name in NUMBERS or (field.name == "doc_string" and not isinstance(message, ModelProto | GraphProto)):
            continue
        values = (value,) if isinstance(value, str | bytes | Message) else value
        if field.type == field.TYPE_STRING:
            yield from values
        elif field.type == field.TYPE_MESSAGE:
            for inner in values:
                yield from _texts(inner)


def _check_attributes(proto: ModelProto) -> None:
    """Raises ModelError for a text that is not UTF-8, where operators that we know take one; others may hold anything."""
    for node in proto.graph.node:
        if node.domain != STANDARD_DOMAIN and spec_of(node) is UNKNOWN:
            continue
        for entry in node.attribute:
            if not all(_is_text(text) for text in (entry.s, *entry.strings)):
                raise ModelError(f"a damaged ONNX model ({entry.name} of {node.op_type} {node.name!r} is not UTF-8)")


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _check(path: Path, proto: ModelProto, data: bytes | None) -> None:
    """Let the checker see the model; what it dislikes is taken all the same where ONNX Runtime opens the file."""
    doing("checking it")
    try:
        onnx.checker.check_model(for_checker(proto))
    except (onnx.checker.ValidationError, ValueError) as error:
        if not opens(str(path) if data is None else data):
            raise ModelError(f"{path}: not a valid ONNX model: {one_line(error)}") from error


def _check_tensors(path: Path, proto: ModelProto) -> None:
    """Every stored tensor has as many values as its shape says; the checker lets some pass that have not."""
    for tensor in all_tensors(proto):
        try:
            if not points(tensor):
                onnx.numpy_helper.to_array(tensor)
            elif stated_length(tensor) != _length(tensor):
                raise ValueError
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ModelError(f"{path}: the values of tensor {tensor.name!r} do not fit its type and shape") from error


def _length(tensor: TensorProto) -> int:
    """How many bytes a tensor of its type and shape takes; KeyError or TypeError for types without a width."""
    if min(tensor.dims, default=0) < 0:
        raise ValueError
    name = TensorProto.DataType.Name(tensor.data_type)
    bits = NARROW_BITS.get(name) or 8 * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    if tensor.data_type == TensorProto.STRING:
        raise TypeError
    return -(-math.prod(int(size) for size in tensor.dims) * int(bits) // 8)


@dataclass(frozen=True, slots=True)
class _Reference:
    """Where a tensor's values lie in a file beside the model, in bytes."""

    tensor: TensorProto
    place: Path
    offset: int
    length: int


def _references(path: Path, proto: ModelProto, size: int) -> list[_Reference]:
    """The tensors in other files, all inside the model's folder, present, long enough and together not too large."""
    found = [
        _reference(path, tensor) for tensor in all_tensors(proto) if external_data_helper.uses_external_data(tensor)
    ]
    if ONNX_BYTES.exceeded_by(together := size + sum(reference.length for reference in found)):
        raise ModelError(f"{path}: weights of more than 2 GiB cannot be audited: {ONNX_BYTES.refusal(together)}")
    return found


def _reference(path: Path, tensor: TensorProto) -> _Reference:
    folder = Path(os.path.realpath(path.parent))
    entries = {entry.key: entry.value for entry in tensor.external_data}
    location = entries.get("location", "")
    if "\0" in location or LONGEST_LOCATION.exceeded_by(len(location)):
        raise ModelError(f"{path}: weights of {tensor.name!r} are in a file whose name no file can have; refused")
    place = Path(os.path.realpath(folder / location))
    if not location or Path(location).is_absolute() or not place.is_relative_to(folder):
        raise ModelError(f"{path}: weights of {tensor.name!r} point outside the model's folder ({location!r}); refused")
    if not place.is_file():
        raise ModelError(f"{path}: the file with the weights of {tensor.name!r} is missing: {place}")
    available = place.stat().st_size
    try:
        offset = int(entries.get("offset", "0") or 0)
        length = int(entries["length"]) if entries.get("length") else available - offset
    except ValueError as error:
        raise ModelError(f"{path}: weights of {tensor.name!r} have a broken reference to their file") from error
    if offset < 0 or length < 0 or offset + length > available:
        raise ModelError(f"{path}: the file with the weights of {tensor.name!r} is too short; it may be truncated")
    return _Reference(tensor, place, offset, length)


def _take(proto: ModelProto, references: list[_Reference]) -> None:
    """Read the tensors that lie in other files, or point at the large ones."""
    stored = {id(tensor) for tensor in proto.graph.initializer}
    for reference in references:
        tensor = reference.tensor
        if reference.length >= LARGE and id(tensor) in stored:
            point_to(tensor, reference.place, reference.offset, reference.length)
            continue
        with reference.place.open("rb") as file:
            file.seek(reference.offset)
            tensor.raw_data = file.read(reference.length)
        tensor.data_location = TensorProto.DEFAULT
        del tensor.external_data[:]


def all_tensors(proto: ModelProto) -> Iterator[TensorProto]:
    """Every tensor that a model stores: initializers and attributes, those of inner graphs and functions included."""
    yield from _tensors(proto.graph)
    for function in proto.functions:
        for node in function.node:
            yield from _attribute_tensors(node.attribute)


def _tensors(graph: GraphProto) -> Iterator[TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield sparse.values
        yield sparse.indices
    for node in graph.node:
        yield from _attribute_tensors(node.attribute)


def _attribute_tensors(attributes: list[AttributeProto]) -> Iterator[TensorProto]:
    for entry in attributes:
        if entry.HasField("t"):
            yield entry.t
        yield from entry.tensors
        for body in (*([entry.g] if entry.HasField("g") else []), *entry.graphs):
            yield from _tensors(body)
