"""Binary weights of an ONNX file, stored in the narrowest type that ONNX Runtime has had for long: four bits, dequantized.

-a and +a of an output channel become -1 and +1 in INT4 and the scale a of a DequantizeLinear, whose product is exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

OPSET = 21
"""Version of the standard operators from which on DequantizeLinear takes INT4."""
FEWEST = 16
"""Weights that are worth a node of their own. Not tuned."""


def store_narrow(model: ModelProto) -> None:
    """Replaces the initializers that hold binary weights, in place; each is what it was behind a DequantizeLinear."""
    graph = model.graph
    kept: list[TensorProto] = []
    nodes: list[NodeProto] = []
    for tensor in graph.initializer:
        weights = numpy_helper.to_array(tensor)
        scale = scale_of(weights)
        if scale is None:
            kept.append(tensor)
            continue
        codes, step = f"{tensor.name}.codes", f"{tensor.name}.scale"
        kept.append(_int4(codes, weights > 0))
        kept.append(numpy_helper.from_array(scale, step))
        nodes.append(
            helper.make_node("DequantizeLinear", [codes, step], [tensor.name], f"{tensor.name}.dequantize", axis=0)
        )
    nodes += graph.node
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def scale_of(weights: NDArray[np.generic]) -> NDArray[np.float32] | None:
    """The absolute value (out,) of a channel's weights, the first axis being that of channels, where it is one and not zero."""
    if weights.ndim < 2 or weights.dtype != np.float32 or weights.size < FEWEST:
        return None
    sizes = np.abs(weights.reshape(len(weights), -1))
    scale = np.ascontiguousarray(sizes[:, 0], dtype=np.float32)
    same = bool((sizes == scale[:, None]).all() and (scale > 0).all() and np.isfinite(scale).all())
    return scale if same else None


def _int4(name: str, positive: NDArray[np.bool_]) -> TensorProto:
    """+1 and -1 as INT4: two values a byte, the first in its lower half."""
    codes = np.where(positive.reshape(-1), 0x1, 0xF).astype(np.uint8)
    if len(codes) % 2:
        codes = np.append(codes, np.uint8(0))
    packed = codes[0::2] | codes[1::2] << 4
    return TensorProto(name=name, data_type=TensorProto.INT4, dims=positive.shape, raw_data=packed.tobytes())
