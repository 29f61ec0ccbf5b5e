"""Sound files that cases start from, or that stand beside the one that is broken; made once."""

from __future__ import annotations

import functools
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.fuzz.kinds.onnx_seeds import CLASSES, images, seed_models

ATTACK = (
    "--samples",
    "2",
    "--steps",
    "2",
    "--eps",
    "0.1",
    "--batch-size",
    "4",
    "--device",
    "cpu",
    "--threads",
    "1",
    "-q",
)
"""Of the cheapest attack there is."""
CHECK = (*ATTACK, "--effort", "quick", "--substitute", "none", "--queries", "4")
"""Of the cheapest audit."""
LABELS = np.arange(6) % CLASSES
MOMENT = "2026-11-28T00:00:00+00:00"


@functools.cache
def model() -> bytes:
    """A small float network of 1 x 8 x 8 images and four classes."""
    return seed_models()["float"].SerializeToString()


@functools.cache
def vector_model() -> bytes:
    """A network of 64 values and four classes."""
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(3).standard_normal((64, CLASSES)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "vectors",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", CLASSES])],
        [numpy_helper.from_array(weights, "w")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(made.SerializeToString())


@functools.cache
def data() -> bytes:
    """Images and labels for it."""
    buffer = io.BytesIO()
    np.savez(buffer, x=images(), y=LABELS)
    return buffer.getvalue()


@functools.cache
def unlabelled() -> bytes:
    """Images alone: the network's own answers are then right, so that an audit of a few images comes to a decision."""
    buffer = io.BytesIO()
    np.savez(buffer, x=images())
    return buffer.getvalue()


@functools.cache
def weights() -> dict[str, Any]:
    """Of `cnn` with `OPTIONS`."""
    import torch

    from bnnaudit.zoo.architectures import ARCHITECTURES

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return dict(ARCHITECTURES["cnn"](channels=[2], classes=CLASSES).state_dict())


CARD = f'[architecture]\nname = "cnn"\ninput_shape = [1, 8, 8]\noptions = {{ channels = [2], classes = {CLASSES} }}\n'


@functools.cache
def evidence() -> bytes:
    """What an attack on the model writes, as a zip; the time in it is always the same."""
    return _made(["attack", "m.onnx", "--data", "d.npz", *ATTACK, "--eps", "0.9", "--evidence", "e.zip"], "e.zip")


@functools.cache
def report() -> bytes:
    """The JSON report of an audit of the model."""
    return _made(["check", "m.onnx", "--data", "d.npz", *CHECK, "-o", "r.json"], "r.json")


def _made(arguments: list[str], name: str) -> bytes:
    """What a command writes, run in a fork of this process, as it must not change it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "m.onnx").write_bytes(model())
        (place / "d.npz").write_bytes(data())
        child = os.fork()
        if child == 0:
            _run(arguments, place)
        os.waitpid(child, 0)
        return (place / name).read_bytes()


def _run(arguments: list[str], place: Path) -> None:
    """Never returns."""
    try:
        from bnnaudit.cli.main import run
        from bnnaudit.core.provenance import Provenance

        Provenance.now = classmethod(lambda cls, command: cls("0", MOMENT, command))  # type: ignore[method-assign,assignment]
        os.chdir(place)
        with Path(os.devnull).open("w") as nowhere:
            sys.stdout = sys.stderr = nowhere
            run(arguments)
    finally:
        os._exit(0)
