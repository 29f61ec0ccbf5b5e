"""Files that declare an open batch around a body that works for one number of images alone.

So it is after an export that had a batch in its hands: `x.view(1, -1)` stays a 1 in the file, whatever its input says.
"""

from __future__ import annotations

from collections import Counter

from onnx import ModelProto

from bnnaudit.models.onnx.replay import ReplayedModel
from bnnaudit.onnx_import.graph.graph import Graph, constant_array

TRIAL = 3
"""Images of the trial: more than one, and no usual batch size."""

TRIED = 8
"""Batches that are tried beside 1. Not tuned: files hold one, and a few sizes and axes that are none."""


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
