"""Sound ONNX models to break: small networks of 1 x 8 x 8 images and four classes, one for each dialect."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

QONNX = "qonnx.custom_op.general"
CLASSES = 4
IMAGES = 6
WEIGHTS = "weights.bin"
"""File beside the model `external`."""

Arrays = dict[str, Any]


def seed_models() -> dict[str, ModelProto]:
    """Name -> model; made anew, so that each may be changed."""
    return {name: build() for name, build in BUILDERS.items()}


def images() -> NDArray[np.float32]:
    """Images (IMAGES, 1, 8, 8) in [0,1] for all of them."""
    return np.random.default_rng(1).random((IMAGES, 1, 8, 8), dtype=np.float32)


def _model(
    nodes: list[NodeProto], constants: Arrays, batch: int | str, domain: str = "", opset: int = 17
) -> ModelProto:
    graph = helper.make_graph(
        nodes,
        "seed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, CLASSES])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


def _node(op: str, inputs: str, output: str, domain: str = "", **settings: Any) -> NodeProto:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(op, names, output.split(), name=f"{op}_{output.split()[0]}", domain=domain, **settings)


def _normal(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def _signs(*shape: int) -> NDArray[np.float32]:
    return np.where(_normal(*shape) >= 0, 1, -1).astype(np.float32)


def _float_network() -> ModelProto:
    """Convolution, normalisation, pooling, softmax; any batch."""
    nodes = [
        _node("Conv", "x w1 b1", "a", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        _node("BatchNormalization", "a scale b1 mean var", "b", epsilon=1e-5),
        _node("Relu", "b", "c"),
        _node("MaxPool", "c", "d", kernel_shape=[2, 2], strides=[2, 2]),
        _node("AveragePool", "d", "e", kernel_shape=[2, 2], strides=[2, 2], count_include_pad=1),
        _node("Flatten", "e", "f", axis=1),
        _node("Gemm", "f w2 b2", "g", alpha=1.0, beta=1.0, transB=1),
        _node("Softmax", "g", "y", axis=1),
    ]
    ones = np.ones(4, np.float32)
    constants = {"w1": _normal(4, 1, 3, 3), "b1": _normal(4), "scale": ones, "mean": 0 * ones, "var": ones}
    return _model(nodes, constants | {"w2": _normal(CLASSES, 16), "b2": _normal(CLASSES)}, "n")


def _binary_network() -> ModelProto:
    """Signs written in three ways, the batch fixed to one."""
    nodes = [
        _node("Sub", "x half", "a"),
        _node("Conv", "a w1", "b", kernel_shape=[3, 3]),
        _node("Sign", "b", "c"),
        _node("Add", "c shift", "d"),
        _node("Sign", "d", "e"),
        _node("Reshape", "e flat", "f"),
        _node("MatMul", "f w2", "g"),
        _node("GreaterOrEqual", "g zero", "h"),
        _node("Where", "h one minus", "i"),
        _node("MatMul", "i w3", "y"),
    ]
    constants: Arrays = {name: np.float32(value) for name, value in NUMBERS.items()}
    constants |= {"w1": _signs(4, 1, 3, 3), "w2": _signs(144, 8), "w3": _normal(8, CLASSES), "flat": np.array([1, 144])}
    return _model(nodes, constants, 1)


NUMBERS = {"half": 0.5, "shift": 0.1, "zero": 0.0, "one": 1.0, "minus": -1.0}


def _qdq_network() -> ModelProto:
    """Quantize and dequantize pairs around a convolution and a product, weights by channel."""
    nodes = [
        _node("QuantizeLinear", "x sx zx", "xq"),
        _node("DequantizeLinear", "xq sx zx", "xd"),
        _node("DequantizeLinear", "w1 sw zw", "wd", axis=0),
        _node("Conv", "xd wd", "a", kernel_shape=[3, 3], strides=[2, 2]),
        _node("Relu", "a", "b"),
        _node("QuantizeLinear", "b sx zx", "bq"),
        _node("DequantizeLinear", "bq sx zx", "bd"),
        _node("Flatten", "bd", "f"),
        _node("MatMul", "f w2", "y"),
    ]
    constants = {
        "sx": np.float32(1 / 64),
        "zx": np.uint8(0),
        "w1": np.clip(40 * _normal(4, 1, 3, 3), -127, 127).astype(np.int8),
        "sw": np.full(4, 0.02, np.float32),
        "zw": np.zeros(4, np.int8),
        "w2": _normal(36, CLASSES),
    }
    return _model(nodes, constants, "n")


def _qonnx_network() -> ModelProto:
    """Quant and BipolarQuant nodes, the batch fixed to one."""
    nodes = [
        _node("Quant", "x step none eight", "a", QONNX, signed=0, narrow=0, rounding_mode="ROUND"),
        _node("Quant", "w1 step none two", "wq", QONNX, signed=1, narrow=1, rounding_mode="ROUND"),
        _node("Flatten", "a", "f"),
        _node("MatMul", "f wq", "b"),
        _node("Sub", "b half", "c"),
        _node("BipolarQuant", "c one", "d", QONNX),
        _node("MatMul", "d w2", "y"),
    ]
    numbers = {"step": 1 / 8, "none": 0, "eight": 8, "two": 2, "half": 0.5, "one": 1}
    constants: Arrays = {name: np.float32(value) for name, value in numbers.items()}
    return _model(nodes, constants | {"w1": _normal(64, 16), "w2": _normal(16, CLASSES)}, 1, QONNX)


def _qlinear_network() -> ModelProto:
    """Operators on whole numbers; any batch."""
    nodes = [
        _node("QuantizeLinear", "x sx zx", "xq"),
        _node("QLinearConv", "xq sx zx w1 sw zw sa za", "a", kernel_shape=[3, 3]),
        _node("DequantizeLinear", "a sa za", "b"),
        _node("Flatten", "b", "f"),
        _node("DynamicQuantizeLinear", "f", "q s z"),
        _node("MatMulInteger", "q w2 z", "i"),
        _node("Cast", "i", "j", to=TensorProto.FLOAT),
        _node("Mul", "j s", "y"),
    ]
    constants = {
        "sx": np.float32(1 / 255),
        "zx": np.uint8(0),
        "w1": np.clip(40 * _normal(2, 1, 3, 3), -127, 127).astype(np.int8),
        "sw": np.float32(0.02),
        "zw": np.int8(0),
        "sa": np.float32(0.05),
        "za": np.uint8(128),
        "w2": np.clip(40 * _normal(72, CLASSES), -127, 127).astype(np.int8),
    }
    return _model(nodes, constants, "n")


def _shaping_network() -> ModelProto:
    """Operators whose result has the shape that a stored tensor or a computation says."""
    nodes = [
        _node("Pad", "x pads", "a", mode="constant"),
        _node("Resize", "a - scales", "b", mode="nearest", nearest_mode="floor"),
        _node("Slice", "b starts ends axes", "c"),
        _node("Tile", "c repeats", "d"),
        _node("Shape", "d", "s"),
        _node("ConstantOfShape", "s", "zeros"),
        _node("Add", "d zeros", "e"),
        _node("ConstantOfShape", "size", "ones", value=numpy_helper.from_array(np.ones(1, np.float32))),
        _node("Expand", "ones target", "wide"),
        _node("Mul", "e wide", "g"),
        _node("Split", "g parts", "h i", axis=1),
        _node("Concat", "h i", "j", axis=1),
        _node("Gather", "j indices", "k", axis=2),
        _node("Transpose", "k", "l", perm=[0, 2, 3, 1]),
        _node("ReduceMean", "l", "m", axes=[1], keepdims=0),
        _node("Reshape", "m flat", "n1"),
        _node("MatMul", "n1 w", "y"),
    ]
    whole = {
        "pads": [0, 0, 1, 1, 0, 0, 1, 1],
        "starts": [0, 0],
        "ends": [16, 16],
        "axes": [2, 3],
        "repeats": [1, 2, 1, 1],
    }
    whole |= {"size": [1], "target": [1, 2, 16, 16], "parts": [1, 1], "indices": [0, 3, 5, 9], "flat": [-1, 32]}
    constants: Arrays = {name: np.array(values, np.int64) for name, values in whole.items()}
    constants |= {"scales": np.array([1, 1, 2, 2], np.float32), "w": _normal(32, CLASSES)}
    return _model(nodes, constants, "n")


def _external_network() -> ModelProto:
    """Weights in a file beside the model."""
    nodes = [
        _node("Flatten", "x", "f"),
        _node("MatMul", "f w", "h"),
        _node("Relu", "h", "r"),
        _node("MatMul", "r v", "y"),
    ]
    model = _model(nodes, {"w": _normal(64, 16), "v": _normal(16, CLASSES)}, "n")
    offset = 0
    for tensor in model.graph.initializer:
        length = len(tensor.raw_data)
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", WEIGHTS), ("offset", str(offset)), ("length", str(length))):
            tensor.external_data.add(key=key, value=value)
        offset += length
    return model


@functools.cache
def external_weights() -> bytes:
    """What `WEIGHTS` holds."""
    return _normal(64, 16).tobytes() + _normal(16, CLASSES).tobytes()


def _nested_network() -> ModelProto:
    """A local function, an If of a stored condition, and a Loop of two rounds."""
    nodes = [
        _node("half", "x", "a", "own"),
        _node("If", "yes", "b", then_branch=_branch("Relu"), else_branch=_branch("Neg")),
        _node("Loop", "two yes b", "c", body=_body()),
        _node("Flatten", "c", "f"),
        _node("MatMul", "f w", "y"),
    ]
    constants = {"yes": np.array(True), "two": np.array(2, np.int64), "w": _normal(64, CLASSES)}
    model = _model(nodes, constants, "n", "own")
    body = [
        helper.make_node("Constant", [], ["h"], value=numpy_helper.from_array(np.float32(0.5))),
        helper.make_node("Mul", ["p", "h"], ["q"]),
    ]
    model.functions.append(helper.make_function("own", "half", ["p"], ["q"], body, [helper.make_opsetid("", 17)]))
    return model


def _branch(op: str) -> GraphProto:
    output = helper.make_tensor_value_info(f"o{op}", TensorProto.FLOAT, None)
    return helper.make_graph([helper.make_node(op, ["a"], [f"o{op}"])], op, [], [output])


def _body() -> GraphProto:
    def info(name: str, kind: int, shape: list[int | None]) -> ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, shape)

    nodes = [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Tanh", ["v"], ["u"])]
    image: list[int | None] = [None, 1, 8, 8]
    inputs = [info("i", TensorProto.INT64, []), info("go", TensorProto.BOOL, []), info("v", TensorProto.FLOAT, image)]
    return helper.make_graph(
        nodes, "body", inputs, [info("on", TensorProto.BOOL, []), info("u", TensorProto.FLOAT, image)]
    )


def _half_network() -> ModelProto:
    """Half precision, a channel shuffle, attention of a kind, and a sigmoid at its end."""
    nodes = [
        _node("Cast", "x", "xh", to=TensorProto.FLOAT16),
        _node("Conv", "xh w1", "a", kernel_shape=[2, 2], strides=[2, 2], group=1),
        _node("DepthToSpace", "a", "b", blocksize=2, mode="CRD"),
        _node("Reshape", "b rows", "r"),
        _node("Transpose", "r", "t", perm=[0, 2, 1]),
        _node("MatMul", "r t", "s"),
        _node("Softmax", "s", "p", axis=-1),
        _node("MatMul", "p r", "v"),
        _node("ReduceMean", "v", "m", axes=[1], keepdims=0),
        _node("Cast", "m", "f", to=TensorProto.FLOAT),
        _node("Einsum", "f w2", "e", equation="nk,kc->nc"),
        _node("LayerNormalization", "e g b2", "l", axis=-1),
        _node("Sigmoid", "l", "y"),
    ]
    constants: Arrays = {
        "w1": _normal(4, 1, 2, 2).astype(np.float16),
        "rows": np.array([-1, 8, 8], np.int64),
        "w2": _normal(8, CLASSES),
        "g": np.ones(CLASSES, np.float32),
        "b2": np.zeros(CLASSES, np.float32),
    }
    return _model(nodes, constants, "n")


BUILDERS: dict[str, Callable[[], ModelProto]] = {
    "float": _float_network,
    "binary": _binary_network,
    "qdq": _qdq_network,
    "qonnx": _qonnx_network,
    "qlinear": _qlinear_network,
    "shaping": _shaping_network,
    "external": _external_network,
    "nested": _nested_network,
    "half": _half_network,
}
