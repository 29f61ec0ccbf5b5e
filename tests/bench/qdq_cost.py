"""What quantizers cost: passes of a network in QDQ form against those of its float twin.

    python -m tests.bench.qdq_cost FILE.onnx [--images 32] [--rounds 9]

The twin has the same weights, dequantized, and no quantizers between its operators; both are imported and run here, in turn,
on one thread. Prints the ratios of a pass and of a pass and back, and what both keep for the way back. Exit code 1 where
the pass and back costs more than 1.5 times.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import ModelProto, NodeProto
from torch import Tensor

from bnnaudit.auditing.batch_size import OVERHEAD, bytes_per_image
from bnnaudit.cli.startup import keep_memory
from bnnaudit.core.facts import Layout
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.onnx_import.graph.graph import Graph, attribute
from tests.bench.timing import Figure, median_ratios, table

MOST = 1.5


def float_twin(model: ModelProto) -> ModelProto:
    """The model without QuantizeLinear and DequantizeLinear, its stored weights dequantized."""
    twin = ModelProto()
    twin.CopyFrom(model)
    graph = Graph(twin)
    for node in list(graph.nodes):
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            continue
        if graph.constant(node.input[0]) is None:
            graph.nodes.remove(node)
            graph.reindex()
            graph.rename_uses(node.output[0], node.input[0])
            for info in graph.proto.output:
                info.name = node.input[0] if info.name == node.output[0] else info.name
        else:
            graph.nodes.remove(node)
            graph.add_constant(node.output[0], _dequantized(graph, node))
            graph.reindex()
    graph.drop_dead()
    graph.save()
    del twin.graph.value_info[:]
    return twin


def _dequantized(graph: Graph, node: NodeProto) -> np.ndarray:
    stored, scale = (np.asarray(graph.constant(name)) for name in node.input[:2])
    zero = np.asarray(graph.constant(node.input[2])) if len(node.input) > 2 else np.zeros_like(scale)
    if scale.size > 1:
        shape = [1] * stored.ndim
        shape[attribute(node, "axis", 1)] = -1
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((stored.astype(np.float32) - zero.astype(np.float32)) * scale, dtype=np.float32)


def passed(target: Target, images: Tensor) -> Callable[[], object]:
    """A forward pass."""

    def work() -> None:
        with torch.no_grad():
            target.logits(images)

    return work


def passed_back(target: Target, images: Tensor) -> Callable[[], object]:
    """A forward pass and the gradient at the images."""

    def work() -> None:
        points = images.clone().requires_grad_()
        torch.autograd.grad(target.logits(points).logsumexp(1).sum(), points)

    return work


def measured(path: Path, images: int, rounds: int) -> list[Figure]:
    """The ratios for one file."""
    torch.set_num_threads(1)
    keep_memory({})  # as the command line does
    with tempfile.TemporaryDirectory() as folder:
        twin = Path(folder) / "float.onnx"
        onnx.save(float_twin(onnx.load(path)), twin)
        quantized, plain = (load_onnx(file, Preprocessing(), Surrogate(), torch.device("cpu")) for file in (path, twin))
    shape = quantized.prepare.input_shape
    if quantized.prepare.layout is Layout.NHWC and len(shape) == 3:
        shape = (shape[2], shape[0], shape[1])
    batch = torch.rand(images, *shape, generator=torch.Generator().manual_seed(0))
    batch = quantized.facts.box.low + quantized.facts.box.width * batch
    found = [
        Figure(f"{path.stem}, {images} images: {name}, QDQ / float", ratio, bound)
        for name, make, bound in (("a pass", passed, None), ("a pass and back", passed_back, MOST))
        for ratio in median_ratios(make(plain, batch), {name: make(quantized, batch)}, rounds, "cpu").values()
    ]
    for name, target in (("float", plain), ("QDQ", quantized)):
        kept = bytes_per_image(target, batch) / OVERHEAD / 1e6
        found.append(Figure(f"{path.stem}: kept for the way back of an image, {name}", kept, unit=" MB"))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 1 where the bound is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="+", type=Path)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args(arguments)
    found = [figure for path in given.file for figure in measured(path, given.images, given.rounds)]
    sys.stdout.write(table(found))
    return 0 if all(figure.met for figure in found) else 1


if __name__ == "__main__":
    sys.exit(main())
