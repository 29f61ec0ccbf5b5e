"""Ranges that belong to the image: quantizers that take theirs from the whole tensor learn which rows are one image's.

ONNX takes the range over the batch, so that a prediction would depend on the images beside it. A model that is served one
image at a time has a range for each; so has the differentiable copy, and the deployed model is replayed image by image.
"""

from __future__ import annotations

from copy import deepcopy

from onnx import helper

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.graph.own_operators import ROWS_PER_IMAGE
from bnnaudit.onnx_import.operators import spec_of
from bnnaudit.onnx_import.passes.shape_stand_ins import infer_shapes


def range_by_image(graph: Graph) -> None:
    """Tell every such quantizer how many rows of its input's first axis one image has, where shapes tell."""
    nodes = [node for node in graph.nodes if spec_of(node).of_the_batch]
    if not nodes:
        return
    alone = _shapes_of_one(graph)
    for node in nodes:
        shape = alone.shape(node.input[0])
        if shape and shape[0]:
            node.attribute.append(helper.make_attribute(ROWS_PER_IMAGE, shape[0]))


def _shapes_of_one(graph: Graph) -> Graph:
    """The graph with the shapes that it has for a single image."""
    graph.save()
    copy = deepcopy(graph.model)
    del copy.graph.value_info[:]
    for info in copy.graph.input:
        info.type.tensor_type.shape.dim[0].dim_value = 1
    for info in copy.graph.output:
        info.type.tensor_type.ClearField("shape")
    # `save` has put copies of the nodes into the model; those that the caller edits are still the graph's own.
    return Graph(infer_shapes(copy))
