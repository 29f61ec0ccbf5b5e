"""Writes the quantizers of an exported network as QONNX has them: Quant, and BipolarQuant where there are two levels.

What the network computes stays the same: weights on a grid are stored as floats, which a Quant rounds to themselves, and
QuantizeLinear, Clip and DequantizeLinear become one Quant.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper

from bnnaudit.onnx_import.graph.graph import QONNX_DOMAINS, Graph, attribute
from bnnaudit.quantization.grids import Grid
from bnnaudit.zoo.train.narrow_weights import scale_of

DOMAIN = QONNX_DOMAINS[0]
VERSION = 1
"""Of QONNX's operators; no later one is needed."""
WEIGHTED = frozenset({"Conv", "Gemm", "MatMul"})


def write_qonnx(model: ModelProto, weights: Grid | None) -> None:
    """Changes a model as torch exports this project's networks, in place. weights: the grid of its whole weights, if any."""
    graph = Graph(model)
    for node in list(graph.nodes):
        match node.op_type:
            case "DequantizeLinear":
                _dequantized(graph, node, weights)
            case "Where":
                _sign(graph, node)
            case op if op in WEIGHTED:
                _binary_weights(graph, node)
    graph.drop_dead()
    graph.save()
    known = {name for node in graph.nodes for name in node.output} | {info.name for info in graph.proto.output}
    described = [info for info in graph.proto.value_info if info.name in known]
    del graph.proto.value_info[:]
    graph.proto.value_info.extend(described)
    model.opset_import.append(helper.make_opsetid(DOMAIN, VERSION))


def _dequantized(graph: Graph, node: NodeProto, weights: Grid | None) -> None:
    """Whole weights times their step, or activations rounded to whole numbers and back: a Quant."""
    levels, step = node.input[0], node.input[1]
    stored = graph.constant(levels)
    if stored is not None:
        assert weights is not None
        scale = np.asarray(graph.constant(step), dtype=np.float32)
        values = graph.add_constant(graph.fresh_name(f"{levels}.values"), stored.astype(np.float32) * scale)
        graph.replace([node], [_quant(graph, values, step, weights, node)])
        return
    clip = graph.made_by(levels, "Clip")
    rounding = graph.made_by(levels if clip is None else clip.input[0], "QuantizeLinear")
    assert rounding is not None
    zero = graph.constant(rounding.input[2])
    assert zero is not None
    whole = np.iinfo(zero.dtype)
    low, high = (whole.min, whole.max) if clip is None else (graph.number(name) or 0 for name in clip.input[1:])
    grid = Grid.whole(int(math.log2(high - low + 1)), low < 0)
    graph.replace([node], [_quant(graph, rounding.input[0], step, grid, node)])


def _quant(graph: Graph, values: str, step: str, grid: Grid, node: NodeProto) -> NodeProto:
    """A Quant that gives what the node gives."""
    narrow = grid.low == -grid.high
    zero, bits = (_number(graph, number) for number in (0.0, float(grid.bits)))
    return helper.make_node(
        "Quant",
        [values, step, zero, bits],
        list(node.output),
        name=node.name,
        domain=DOMAIN,
        signed=int(grid.low < 0),
        narrow=int(narrow),
        rounding_mode="ROUND",
    )


def _sign(graph: Graph, node: NodeProto) -> None:
    """+1 where a value is not below zero, else -1: a BipolarQuant."""
    compared = graph.made_by(node.input[0], "GreaterOrEqual")
    if compared is None or [graph.number(name) for name in (compared.input[1], *node.input[1:])] != [0.0, 1.0, -1.0]:
        return
    graph.replace([node], [_bipolar(compared.input[0], _number(graph, 1.0), node.output[0], node.name)])


def _binary_weights(graph: Graph, node: NodeProto) -> None:
    """-a and +a of an output channel: a BipolarQuant in front of the layer."""
    name = node.input[1]
    stored = graph.constant(name)
    scale = None if stored is None else scale_of(stored)
    if stored is None or scale is None:
        return
    assert node.op_type != "Gemm" or attribute(node, "transB", 0)
    step = graph.add_constant(
        graph.fresh_name(f"{name}.scale"), scale.reshape(-1, *(1,) * (stored.ndim - 1)).astype(np.float32)
    )
    made = graph.fresh_name(f"{name}.quantized")
    layer = NodeProto.FromString(node.SerializeToString())
    layer.input[1] = made
    graph.replace([node], [_bipolar(name, step, made, f"{name}.quant"), layer])


def _bipolar(values: str, scale: str, output: str, name: str) -> NodeProto:
    return helper.make_node("BipolarQuant", [values, scale], [output], name=name, domain=DOMAIN)


def _number(graph: Graph, number: float) -> str:
    """A stored number, one for all who need it."""
    array: NDArray[np.float32] = np.asarray(number, dtype=np.float32)
    return graph.add_constant(f"number_{number:g}", array)
