"""Entries of the bank that end as converters let networks end: in a tail that squashes or rounds the scores.

Each is an ONNX file written here, of a network whose truth is known. Behind the same tails healthy networks must not be
accused, and networks whose scores are so large that ordinary attacks are blind must be found.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper
from torch import nn

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from tests.bench.bank import FAKE, HONEST, Entry
from tests.bench.bank_networks import trained

EPS = 0.15
GAIN = 60.0
"""Of the broken ones: their median gap of 6 to 20 becomes one at which float32 rounds the softmax to one."""
Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Tail:
    """Nodes from the logits `z` (n, 10) to the output `y`, with their constants, and the output's type."""

    nodes: Sequence[NodeProto]
    constants: Arrays = field(default_factory=dict)
    output: int = TensorProto.FLOAT


def node(op: str, inputs: str, outputs: str, domain: str = "", **settings: object) -> NodeProto:
    """A node; names of inputs and outputs are separated by blanks."""
    return helper.make_node(op, inputs.split(), outputs.split(), domain=domain, **settings)


def quantized(given: str, made: str, name: str, scale: float, zero: np.generic, back: bool = True) -> Tail:
    """QuantizeLinear, and DequantizeLinear `back` to floats."""
    constants: Arrays = {f"{name}_scale": np.float32([scale])[0], f"{name}_zero": zero}
    parameters = f"{name}_scale {name}_zero"
    if not back:
        return Tail([node("QuantizeLinear", f"{given} {parameters}", made)], constants)
    steps = [
        node("QuantizeLinear", f"{given} {parameters}", f"{name}_q"),
        node("DequantizeLinear", f"{name}_q {parameters}", made),
    ]
    return Tail(steps, constants)


def then(*parts: Tail) -> Tail:
    """One tail out of several; the last one's output counts."""
    nodes = [step for part in parts for step in part.nodes]
    return Tail(nodes, {name: array for part in parts for name, array in part.constants.items()}, parts[-1].output)


def softmax(given: str = "z", made: str = "p") -> Tail:
    """Softmax over the classes."""
    return Tail([node("Softmax", given, made, axis=-1)])


def written_softmax(made: str) -> Tail:
    """exp(z - max) / sum."""
    steps = [
        node("ReduceMax", "z axis", "largest", keepdims=1),
        node("Sub", "z largest", "below"),
        node("Exp", "below", "powers"),
        node("ReduceSum", "powers axis", "total", keepdims=1),
        node("Div", "powers total", made),
    ]
    return Tail(steps, {"axis": np.array([1])})


def in_half() -> Tail:
    """Softmax in half precision, floats outside."""
    steps = [
        node("Cast", "z", "h", to=TensorProto.FLOAT16),
        node("Softmax", "h", "ph", axis=-1),
        node("Cast", "ph", "y", to=TensorProto.FLOAT),
    ]
    return Tail(steps)


def quantized_softmax(step: float) -> Tail:
    """ONNX Runtime's QLinearSoftmax on 8-bit logits of that step."""
    zero = np.int8([0])[0]
    steps = [
        node("QLinearSoftmax", "zq l_scale l_zero s_scale s_zero", "pq", "com.microsoft", opset=13, axis=-1),
        node("DequantizeLinear", "pq s_scale s_zero", "y"),
    ]
    constants: Arrays = {"s_scale": np.float32([1 / 256])[0], "s_zero": np.int8([-128])[0]}
    return then(quantized("z", "zq", "l", step, zero, back=False), Tail(steps, constants))


def sigmoid() -> Tail:
    """A sigmoid of each logit."""
    return Tail([node("Sigmoid", "z", "y")])


def clipped() -> Tail:
    """Probabilities as Keras clips them."""
    ends: Arrays = {"low": np.float32([1e-7])[0], "high": np.float32([1 - 1e-7])[0]}
    return then(softmax(), Tail([node("Clip", "p low high", "y")], ends))


def percent() -> Tail:
    """Probabilities in percent, in 8 bits."""
    times = Tail([node("Mul", "p hundred", "c")], {"hundred": np.float32([100])[0]})
    return then(softmax(), times, eight_bits("c", 100 / 255))


def whole_percent() -> Tail:
    """Probabilities in whole percent, as firmware returns them."""
    steps = [node("Mul", "p hundred", "c"), node("Round", "c", "r"), node("Cast", "r", "y", to=TensorProto.UINT8)]
    return then(softmax(), Tail(steps, {"hundred": np.float32([100])[0]}, TensorProto.UINT8))


def geometric_mean_of_heads() -> Tail:
    """The root of the product of two networks' probabilities."""
    return then(softmax(), softmax("z1", "p1"), Tail([node("Mul", "p p1", "both"), node("Sqrt", "both", "y")]))


def eight_bits(given: str, step: float) -> Tail:
    """Unsigned 8 bits and back, as `quantize_static` writes it behind a softmax."""
    return quantized(given, "y", "o", step, np.uint8([0])[0])


def whole_softmax() -> Tail:
    """Softmax in int8, as full-integer converters end."""
    end = quantized("p", "y", "o", 1 / 256, np.int8([-128])[0], back=False)
    return then(softmax(), Tail(end.nodes, end.constants, TensorProto.INT8))


def whole_logits(step: float) -> Tail:
    """Logits in int8, without a softmax."""
    end = quantized("z", "y", "o", step, np.int8([0])[0], back=False)
    return Tail(end.nodes, end.constants, TensorProto.INT8)


def mean_of_heads() -> Tail:
    """The mean of two networks' probabilities."""
    steps = [node("Add", "p p1", "two"), node("Mul", "two half", "y")]
    return then(softmax(), softmax("z1", "p1"), Tail(steps, {"half": np.float32([0.5])[0]}))


def saturating_logits(step: float) -> Tail:
    """Logits through int8 that clips the larger ones, then a softmax."""
    return then(quantized("z", "c", "m", step, np.int8([0])[0]), softmax("c", "y"))


def model_of(heads: Sequence[nn.Module], gain: float, tail: Tail) -> ModelProto:
    """An ONNX model of 8 x 8 images: the logits of the first head (times `gain`) are `z`, of the others `z1`, `z2` ..."""
    nodes: list[NodeProto] = []
    constants: Arrays = dict(tail.constants)
    for index, head in enumerate(heads):
        written, held = _written(head, f"z{index}" if index else "z", f"h{index}", gain)
        nodes += written
        constants |= held
    graph = helper.make_graph(
        [*nodes, *tail.nodes],
        "bank",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("y", tail.output, ["n", 10])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def _written(network: nn.Module, logits: str, name: str, gain: float) -> tuple[list[NodeProto], Arrays]:
    """The nodes of a perceptron, whose last one makes `logits`, with their constants."""
    value = f"{name}_flat"
    nodes, constants = [node("Flatten", "x", value)], {f"{name}_gain": np.float32([gain])[0]}
    for index, layer in enumerate(layer for layer in network.modules() if not list(layer.children())):
        here = f"{name}_{index}"
        match layer:
            case nn.Linear():
                constants[f"{here}_w"] = layer.weight.detach().numpy()
                bias = layer.bias if layer.bias is not None else torch.zeros(layer.out_features)
                constants[f"{here}_b"] = bias.detach().numpy()
                nodes.append(node("Gemm", f"{value} {here}_w {here}_b", here, transB=1))
            case nn.BatchNorm1d():
                statistics = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
                for letter, tensor in zip("sbmv", statistics, strict=True):
                    assert tensor is not None
                    constants[f"{here}_{letter}"] = tensor.detach().numpy()
                inputs = " ".join([value, *(f"{here}_{letter}" for letter in "sbmv")])
                nodes.append(node("BatchNormalization", inputs, here, epsilon=layer.eps))
            case nn.ReLU():
                nodes.append(node("Relu", value, here))
            case nn.Flatten():
                continue
            case _:
                raise TypeError(f"no ONNX form of {type(layer).__name__}")
        value = here
    nodes.append(node("Mul", f"{value} {name}_gain", logits))
    return nodes, constants


def target(model: ModelProto) -> Target:
    """The model loaded from a file, as every user's is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(model.SerializeToString())
        return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


TAILS: dict[str, Callable[[float], Tail]] = {
    "softmax in 8 bits": lambda gain: then(softmax(), eight_bits("p", 1 / 255)),
    "softmax in int8, whole": lambda gain: whole_softmax(),
    "percent in 8 bits": lambda gain: percent(),
    "whole percent": lambda gain: whole_percent(),
    "softmax clipped": lambda gain: clipped(),
    "softmax in half": lambda gain: in_half(),
    "written softmax in 8 bits": lambda gain: then(written_softmax("p"), eight_bits("p", 1 / 255)),
    "QLinearSoftmax": lambda gain: quantized_softmax(gain / 8),
    "sigmoid": lambda gain: sigmoid(),
    "logits in int8, whole": lambda gain: whole_logits(gain / 8),
    "saturating logits": lambda gain: saturating_logits(gain / 32),
}
"""By the gain that the logits have been given: quantizers of logits have a step that fits it, the last one's clips at 4."""


def entries() -> Iterator[Entry]:
    """Every tail behind a healthy network, and behind the same one with its logits scaled; then two heads of each kind."""
    for name, tail in TAILS.items():
        for base in ("float", "robust"):
            yield _healthy(f"digits-{base}, {name}", [f"digits-{base}"], tail(1.0))
        yield _broken(f"digits-float x 60, {name}", ["digits-float"], tail(GAIN))
    heads = ["digits-robust", "digits-robust-narrow"]
    yield _healthy("digits, mean of two heads", heads, mean_of_heads())
    yield _broken("digits x 60, mean of two heads", heads, mean_of_heads())
    yield _healthy("digits, geometric mean of two heads", heads, geometric_mean_of_heads())
    yield _broken("digits x 60, geometric mean of two heads", heads, geometric_mean_of_heads())


def _healthy(name: str, heads: Sequence[str], tail: Tail) -> Entry:
    return Entry(name, "digits", lambda: _made(heads, 1.0, tail), EPS, HONEST)


def _broken(name: str, heads: Sequence[str], tail: Tail) -> Entry:
    causes = frozenset({"SP201", "SP208", "SP209"})
    return Entry(name, "digits", lambda: _made(heads, GAIN, tail), EPS, FAKE, causes)


def _made(heads: Sequence[str], gain: float, tail: Tail) -> Target:
    return target(model_of([trained(head) for head in heads], gain, tail))
