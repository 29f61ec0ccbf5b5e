"""One operator at a time: our import beside ONNX Runtime, with its smaller inputs computed at run time or stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import Tensor, nn

from bnnaudit.onnx_import.runtime import open_session
from tests.onnx_import.building import imported

Array = NDArray[Any]


def model_with(
    op: str, inputs: Sequence[Array | None], opset: int, outputs: int, stored: bool, settings: dict[str, Any]
) -> tuple[ModelProto, dict[str, Array]]:
    """A model of one node, and its inputs by name: the first one, or all that are not stored; None is left out."""
    names = ["" if array is None else f"i{position}" for position, array in enumerate(inputs)]
    given = {name: array for name, array in zip(names, inputs, strict=True) if array is not None}
    fed = {name: array for position, (name, array) in enumerate(given.items()) if position == 0 or not stored}
    node = helper.make_node(op, names, [f"o{i}" for i in range(outputs)], name="tested", **settings)
    graph = helper.make_graph(
        [node],
        "one",
        [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in fed.items()
        ],
        # ONNX Runtime finds the types out; names are enough.
        [helper.make_empty_tensor_value_info(name) for name in node.output],
        [numpy_helper.from_array(array, name) for name, array in given.items() if name not in fed],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10), fed


def module_of(op: str, *inputs: Array | None, opset: int = 20, stored: bool = True, **settings: Any) -> nn.Module:
    """Our module of one operator, which takes the first input or, where nothing is stored, all of them."""
    return imported(typed(model_with(op, inputs, opset, 1, stored, settings)[0]))


def typed(model: ModelProto) -> ModelProto:
    """With a type for each output, which our import asks for: what follows from the inputs, floats where nothing does."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True)
    for info in inferred.graph.output:
        if not info.type.HasField("tensor_type"):
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    return inferred


def check(
    op: str,
    *inputs: Array | None,
    opset: int = 20,
    outputs: int = 1,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    expected: Sequence[Array] | None = None,
    **settings: Any,
) -> None:
    """The import equals ONNX Runtime (or `expected`), whether the inputs after the first are computed or stored."""
    for stored in (False, True):
        model, fed = model_with(op, inputs, opset, outputs, stored, settings)
        wanted = expected if expected is not None else open_session(model.SerializeToString()).run(None, fed)
        with torch.no_grad():
            found = imported(typed(model))(*(torch.from_numpy(array) for array in fed.values()))
        results: Sequence[Tensor] = found if isinstance(found, list | tuple) else [found]
        assert len(results) == len(wanted)
        for result, array in zip(results, wanted, strict=True):
            assert result.shape == array.shape
            assert result.dtype == torch.from_numpy(np.asarray(array)).dtype
            np.testing.assert_allclose(result.numpy(), array, rtol=rtol, atol=atol)


def ints(*values: int) -> Array:
    """A list of int64."""
    return np.array(values, dtype=np.int64)


def floats(*values: float) -> Array:
    """A list of float32."""
    return np.array(values, dtype=np.float32)
