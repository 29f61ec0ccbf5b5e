"""Small ONNX models written by hand, and the two ways to run them: ONNX Runtime, the oracle, and our import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.importer import convert, lower, plain_graph
from bnnaudit.onnx_import.runtime import open_session

IR_VERSION = 10
"""One that knows each operator set, as old runtimes want it."""

Arrays = Mapping[str, NDArray[Any]]


def model_of(
    nodes: Sequence[NodeProto],
    shape: Sequence[int | str],
    constants: Arrays | None = None,
    opset: int = 20,
    element_type: int = TensorProto.FLOAT,
    output_shape: Sequence[int | str] | None = None,
    output_type: int = TensorProto.FLOAT,
) -> ModelProto:
    """A model from input `x` of a shape to output `y`."""
    graph = helper.make_graph(
        list(nodes),
        "by hand",
        [helper.make_tensor_value_info("x", element_type, list(shape))],
        [helper.make_tensor_value_info("y", output_type, None if output_shape is None else list(output_shape))],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSION)


def by_runtime(model: ModelProto, values: NDArray[Any]) -> NDArray[Any]:
    """What ONNX Runtime computes."""
    (result,) = open_session(model.SerializeToString()).run(["y"], {"x": values})
    return np.asarray(result)


def lowered(model: ModelProto) -> Graph:
    """The graph that is given to onnx2torch."""
    graph = plain_graph(model)
    lower(graph)
    return graph


def imported(model: ModelProto) -> torch.nn.Module:
    """The torch module of a model, by the import that every file goes through."""
    return convert(lowered(model)).eval()


def by_import(model: ModelProto, values: NDArray[Any]) -> NDArray[Any]:
    """What our import computes."""
    with torch.no_grad():
        result: NDArray[Any] = imported(model)(torch.from_numpy(values)).numpy()
    return result


def node(op: str, inputs: str, output: str = "y", **attributes: Any) -> NodeProto:
    """A node named after its output; inputs separated by spaces, `-` for one that is left out."""
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, [output], name=f"{op}_{output}", **attributes)


def some_values(*shape: int, seed: int = 0) -> NDArray[np.float32]:
    """Normally distributed numbers."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
