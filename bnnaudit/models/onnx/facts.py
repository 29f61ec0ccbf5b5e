"""What an ONNX file says about itself."""

from __future__ import annotations

import hashlib
import math
from collections import Counter

from onnx import TensorProto

from bnnaudit.core.facts import ModelFacts, ModelFormat, OperatorCount, QuantizerFact, layer_bits
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.models.onnx.file import OnnxFile, all_tensors
from bnnaudit.models.onnx.input import NetworkInput
from bnnaudit.models.onnx.output import NetworkOutput
from bnnaudit.models.onnx.weight_bits import bits_of_layers
from bnnaudit.onnx_import.graph.graph import OWN_DOMAIN, STANDARD_DOMAIN, Graph, qualified_name
from bnnaudit.onnx_import.operators import quantizer_of
from bnnaudit.onnx_import.runtime import RUNTIME

NOT_WEIGHTS = frozenset({TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING})
"""Types of stored numbers that are not weights: shapes, axes, masks, text."""
LONGEST_TEXT = 500
"""Characters of an entry of the metadata; not tuned."""


def describe(
    source: OnnxFile, graph: Graph, given: NetworkInput, output: NetworkOutput, classes: int, chosen: Preprocessing
) -> ModelFacts:
    """The facts; `graph` is simplified and lowered to the import's operators, so that quantizers and folded weights show."""
    kinds = ((node.name, quantizer_of(graph, node)) for node in graph.nodes)
    operators = Counter(qualified_name(node) for node in source.proto.graph.node)  # of the file as it is
    return ModelFacts(
        path=str(source.path),
        sha256=source.sha256,
        format=ModelFormat.ONNX,
        num_classes=classes,
        input_shape=given.shape,
        layout=given.layout,
        box=chosen.box_of_floats,
        mean=chosen.mean,
        std=chosen.std,
        channels=chosen.channels,
        weight_layers=layer_bits(bits_of_layers(graph, source.proto)),
        # An operator of a domain that is not known may quantize.
        unknown_steps=any(node.domain not in (STANDARD_DOMAIN, OWN_DOMAIN) for node in graph.nodes),
        quantizers=tuple(QuantizerFact(name, kind.op, kind.bits, kind.low, kind.high) for name, kind in kinds if kind),
        operators=tuple(OperatorCount(op, count) for op, count in operators.most_common()),
        parameters=_parameters(source),
        output=output.kind,
        fixed_batch=given.fixed_batch,
        runtime=RUNTIME,
        metadata=_metadata(source, output),
        single="" if output.form.single is None else str(output.form.single),
    )


def _parameters(source: OnnxFile) -> int:
    """Stored numbers that may be weights: all but scalars, shapes and masks."""
    tensors = all_tensors(source.proto)
    return sum(math.prod(tensor.dims) for tensor in tensors if tensor.dims and tensor.data_type not in NOT_WEIGHTS)


def _metadata(source: OnnxFile, output: NetworkOutput) -> tuple[tuple[str, str], ...]:
    proto = source.proto
    opsets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in proto.opset_import)
    names = [info.name for info in proto.graph.output]
    entries = [
        ("producer", f"{proto.producer_name} {proto.producer_version}".strip()),
        ("opset", opsets),
        ("ir version", str(proto.ir_version)),
        ("model version", str(proto.model_version) if proto.model_version else ""),
        ("domain", proto.domain),
        ("graph", proto.graph.name),
        ("outputs", f"{', '.join(names)}; scores: {output.name}" if len(names) > 1 else ""),
        ("description", proto.doc_string or proto.graph.doc_string),
        *((entry.key, entry.value) for entry in proto.metadata_props),
        *((f"external data {file.name}", hashlib.sha256(file.read_bytes()).hexdigest()) for file in source.external),
    ]
    return tuple((key, _short(value)) for key, value in entries if value)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."
