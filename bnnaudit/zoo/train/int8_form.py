"""Quantizes an exported float network to eight bits by ONNX Runtime's own static quantizer, as int8 files are shipped.

QuantizeLinear and DequantizeLinear around every operator, int8 weights with a scale for each output channel, and no floats at
either end: the input is the pixel less 128, the output the whole number that the logits are rounded to.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto
from torch import Tensor

from bnnaudit.zoo.train.final_form import passes
from bnnaudit.zoo.train.images import Images

CALIBRATED = 500
"""Training images from which the quantizer takes the range of each activation. Not tuned."""
DARKEST = -128
"""The input that stands for a black pixel; 127 stands for a white one."""


def quantized(content: bytes, train: Images) -> bytes:
    """A float ONNX file that takes images in [0, 1], calibrated on training images."""
    from onnxruntime import quantization as tools

    model = onnx.load_from_string(content)
    name = model.graph.input[0].name
    with tempfile.TemporaryDirectory() as folder, _without_advice():
        path = Path(folder) / "int8.onnx"
        tools.quantize_static(
            model,
            path,
            _reader(name, train),
            per_channel=True,
            activation_type=tools.QuantType.QInt8,
            weight_type=tools.QuantType.QInt8,
            # So that the input's whole numbers are pixels, whatever the calibration images are.
            extra_options={"TensorQuantOverrides": {name: [{"rmin": np.float32(0), "rmax": np.float32(1)}]}},
        )
        made = onnx.load(path)
    _strip(made)
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


def as_pixels(images: Tensor) -> Tensor:
    """Images in [0, 1] as such a file takes them: int8."""
    return (torch.round(images * 255) + DARKEST).to(torch.int8)


def _strip(model: ModelProto) -> None:
    """Takes away the quantizer behind the input and the dequantizer before the output, whose other sides are int8 already."""
    graph = model.graph
    (source,), (result,) = graph.input, graph.output
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == source.name)
    last = next(node for node in graph.node if node.op_type == "DequantizeLinear" and node.output[0] == result.name)
    assert sum(source.name in node.input for node in graph.node) == 1
    names = {first.output[0]: source.name, last.input[0]: result.name}
    graph.node.remove(first)
    graph.node.remove(last)
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    for end in (source, result):
        end.type.tensor_type.elem_type = TensorProto.INT8
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def _reader(name: str, train: Images) -> object:
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Evenly spaced training images."""

        def __init__(self) -> None:
            chosen = np.linspace(0, len(train) - 1, min(CALIBRATED, len(train))).astype(np.int64)
            self.parts: Iterator[tuple[Tensor, Tensor]] = passes(train.select(chosen))

        def get_next(self) -> dict[str, object] | None:
            part = next(self.parts, None)
            return None if part is None else {name: part[0].numpy()}

    return Reader()


@contextmanager
def _without_advice() -> Iterator[None]:
    """The quantizer logs advice on preparing a model, which torch's exporter has done."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
