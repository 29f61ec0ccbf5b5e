"""The model in a form that runtimes take: operators that no runtime knows are first written with standard ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onnx import ModelProto, NodeProto, inliner

from bnnaudit.core.errors import ModelError
from bnnaudit.models.onnx.clipping import clipping_note
from bnnaudit.models.onnx.file import OnnxFile
from bnnaudit.onnx_import.graph.external_weights import whole
from bnnaudit.onnx_import.graph.graph import RUNTIME_DOMAIN, STANDARD_DOMAIN, qualified_name
from bnnaudit.onnx_import.operators import spec_of
from bnnaudit.onnx_import.passes.qonnx_to_standard import WRITERS, to_standard_form
from bnnaudit.onnx_import.runtime import EXACT, SessionKind

STANDARDISED = "QONNX operators written with standard ones"
UNFUSED = "(de)quantizers computed as the file states them, not fused into integer kernels"
UNSHARED = (
    "int8 constants that layers share copied for each of them, or ONNX Runtime could not load the file with exact sums"
)
REFUSED = "opened without options, the only way in which ONNX Runtime loads the file: (de)quantizers may be fused"
SAME = "a default session computes the same"

OF_INTEGERS = frozenset({"com.microsoft.QAttention", "com.microsoft.DynamicQuantizeLSTM"})
"""Operators, beside single products, whose kernels take the 8-bit sums of the session that they run in."""
PLAIN_DOMAINS = frozenset({STANDARD_DOMAIN, "ai.onnx", "ai.onnx.ml", RUNTIME_DOMAIN})


def needs_standard_form(proto: ModelProto) -> bool:
    """Whether the model has operators that runtimes do not know but that can be written with standard ones."""
    return any(qualified_name(node) in WRITERS for node in _all_nodes(proto))


def depends_on_batch(proto: ModelProto) -> bool:
    """Whether a prediction may depend on the other images of the batch."""
    return any(spec_of(node).of_the_batch for node in _all_nodes(proto))


def notes_on_replay(proto: ModelProto, way: SessionKind = EXACT) -> tuple[str, ...]:
    """How ONNX Runtime's replay differs from a default session on the unchanged file, in words."""
    fused = any(spec_of(node).dequantizes for node in _all_nodes(proto))
    notes = {
        STANDARDISED: needs_standard_form(proto),
        UNSHARED: way.unshared,
        UNFUSED: fused and way.unfused,
        REFUSED: fused and not way.unfused,
        clipping_note(proto, way.exact_sums): True,
        SAME: not differs_by_default(proto),
    }
    return tuple(note for note, holds in notes.items() if note and holds)


def differs_by_default(proto: ModelProto) -> bool:
    """Whether a default session of ONNX Runtime may answer otherwise than one that computes what the file says."""
    return any(
        qualified_name(node) in OF_INTEGERS or spec_of(node).dequantizes or spec_of(node).integer_product is not None
        for node in _all_nodes(proto)
    )


def foreign_domains(proto: ModelProto) -> list[str]:
    """The domains that ONNX Runtime may not know, once the model's own functions are left out."""
    own = {function.domain for function in proto.functions}
    return sorted({node.domain for node in _all_nodes(proto)} - own - PLAIN_DOMAINS)


def in_standard_form(source: OnnxFile) -> ModelProto:
    """A copy of the model with every QONNX operator written out; raises ModelError where one cannot be."""
    copy = whole(source.proto)
    if copy.functions:
        copy = inliner.inline_local_functions(copy)
    try:
        return to_standard_form(copy)
    except NotImplementedError as error:
        raise ModelError(f"{error} cannot be written with standard operators") from error


def runnable(source: OnnxFile) -> bytes | Path:
    """What ONNX Runtime is given: the file as it is wherever possible."""
    if needs_standard_form(source.proto):
        return bytes(in_standard_form(source).SerializeToString())
    return source.path if source.external or source.data is None else source.data


def _all_nodes(proto: ModelProto) -> Iterator[NodeProto]:
    yield from proto.graph.node
    for function in proto.functions:
        yield from function.node
