"""Graphs that work for one number of images alone: opened for any number where that can be written, else found by a trial.

A file may declare an open batch around a body that works for one number. So it is after an export that had a batch in its
hands: `x.view(1, -1)` stays a 1 in the file, whatever its input says.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
from onnx import ModelProto, NodeProto

from bnnaudit.models.onnx.replay import ReplayedModel
from bnnaudit.onnx_import.graph.graph import STANDARD_DOMAIN, Graph, attribute, constant_array


def open_batch(graph: Graph, batch: int) -> None:
    """Let the graph's batch be open where it was `batch`: in its input, its outputs, and the targets of Reshape and Resize.

    Shapes must be known. A trial has to show whether the result works: a graph may use its batch in other ways.
    """
    for node in graph.nodes:
        if node.op_type == "Reshape" and node.domain == STANDARD_DOMAIN:
            _free_target(graph, node, batch)
        if node.op_type == "Resize" and node.domain == STANDARD_DOMAIN:
            _free_sizes(graph, node, batch)
    graph.reindex()
    for info in (*graph.proto.input, *graph.proto.output, *graph.proto.value_info):
        dims = info.type.tensor_type.shape.dim
        if dims and dims[0].HasField("dim_value") and dims[0].dim_value == batch:
            dims[0].dim_param = "batch"


def _free_sizes(graph: Graph, node: NodeProto, batch: int) -> None:
    """Let constant target sizes of all axes, of which the first is the batch, keep that one: 0 is our sign for it."""
    sizes = graph.constant(node.input[3]) if len(node.input) > 3 and node.input[3] else None
    before = graph.shape(node.input[0])
    if sizes is None or attribute(node, "axes") or not before or not len(sizes) == len(before) > 0:
        return
    if before[0] == batch == int(sizes[0]):
        name = graph.fresh_name(f"{node.output[0]}_sizes")
        node.input[3] = graph.add_constant(name, np.asarray([0, *sizes[1:]], dtype=np.int64))


def _free_target(graph: Graph, node: NodeProto, batch: int) -> None:
    """Rewrite a constant target whose first entry is the batch, or a multiple of it, into 0 or -1."""
    target = graph.constant(node.input[1]) if len(node.input) > 1 else None
    before, after = graph.shape(node.input[0]), graph.shape(node.output[0])
    if target is None or target.ndim != 1 or target.size == 0 or target.dtype.kind != "i" or not before:
        return
    if graph.constant(node.input[0]) is not None:
        return
    sizes = [int(size) for size in target]
    if 0 in sizes and attribute(node, "allowzero", 0):
        return
    if sizes[0] == batch and before[0] == batch:
        sizes[0] = 0
    elif sizes[0] > 0 and sizes[0] % batch == 0:
        if -1 in sizes:
            if after is None or None in after:
                return
            sizes = [int(size or 0) for size in after]
        sizes[0] = -1
    else:
        return
    for entry in [entry for entry in node.attribute if entry.name == "allowzero"]:
        node.attribute.remove(entry)
    # The target may be shared with another Reshape, so the new one gets a name of its own.
    name = graph.fresh_name(f"{node.output[0]}_target")
    node.input[1] = graph.add_constant(name, np.asarray(sizes, dtype=np.int64))


TRIAL = 3
"""Images of a trial run: more than one, and no usual batch size, so that a fixed batch shows."""

TRIED = 8
"""Batches that are tried beside 1. Not tuned: files hold one, beside a few sizes and axes that are not batches."""


def body_batch(proto: ModelProto, deployed: ReplayedModel) -> int | None:
    """The number of images that a model works for, found by running it; None where it takes any.

    None too where no number works that stands in the file: then the first real run says what is wrong.
    """
    if deployed.takes(TRIAL):
        return None
    return next((batch for batch in (1, *_sizes_in_front(proto)) if deployed.takes(batch)), None)


def _sizes_in_front(proto: ModelProto) -> list[int]:
    """The first numbers of stored lists that may be the sizes of a tensor, the most frequent first."""
    graph = Graph(proto)
    lists = [graph.constant(name) for name, tensor in graph.initializers.items() if len(tensor.dims) == 1]
    lists += [constant_array(node) for node in graph.nodes if node.op_type == "Constant"]
    sizes = [array for array in lists if array is not None and array.ndim == 1 and array.dtype.kind == "i"]
    found = Counter(int(array[0]) for array in sizes if array.size > 1 and array[0] > 1)
    return [batch for batch, _ in found.most_common(TRIED)]
