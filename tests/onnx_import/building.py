"""Small ONNX models written by hand, and the two ways to run them: ONNX Runtime, the oracle, and our import."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from bnnaudit.onnx_import.graph.graph import Graph
from bnnaudit.onnx_import.operators import lower, register
from bnnaudit.onnx_import.passes.auto_pad import write_out_padding
from bnnaudit.onnx_import.passes.binarizations import recognise_binarisations
from bnnaudit.onnx_import.passes.simplify import simplify
from bnnaudit.onnx_import.runtime import open_session

# The IR version that knows each operator set, as old runtimes want it.
IR_VERSION = 10

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
    copy = ModelProto()
    copy.CopyFrom(model)
    graph = Graph(onnx.shape_inference.infer_shapes(simplify(copy), data_prop=True))
    recognise_binarisations(graph)
    write_out_padding(graph)
    lower(graph)
    graph.save()
    return graph


def imported(model: ModelProto) -> torch.nn.Module:
    """The torch module of a model."""
    graph = lowered(model)
    register(part.op_type for part in graph.nodes)
    import onnx2torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*given NumPy array is not writable.*")
        module: torch.nn.Module = onnx2torch.convert(graph.model)
    return module.eval()


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
