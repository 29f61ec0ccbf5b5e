"""What the import of a large ONNX file costs: seconds, and the growth of the peak memory as a multiple of the file's size.

    python -m tests.bench.import_cost [FILE]

Without a file, torchvision's ResNet-50 (25.6 million parameters, random) is exported and imported. The import runs in a
process of its own, after the libraries are loaded, on two threads. Exit code 1 where a bound is broken.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

MOST_SECONDS = 10.0
MOST_MEMORY = 3.0


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="an ONNX file with the weights inside")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(cost(options.file)))  # noqa: T201
        return 0
    with tempfile.TemporaryDirectory() as folder:
        found = measured(options.file or export_resnet50(Path(folder)))
    within = found["seconds"] <= MOST_SECONDS and found["memory"] <= MOST_MEMORY
    print(  # noqa: T201
        f"{found['megabytes']:.0f} MB, {found['parameters'] / 1e6:.1f} million parameters: "
        f"{found['seconds']:.2f} s (at most {MOST_SECONDS:g}), "
        f"{found['memory']:.2f} times the file in memory (at most {MOST_MEMORY:g})"
    )
    return 0 if within else 1


def measured(path: Path) -> dict[str, float]:
    """The cost of importing a file, in a process of its own."""
    command = [sys.executable, "-m", "tests.bench.import_cost", "--inside", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def cost(path: Path) -> dict[str, float]:
    """The cost of importing a file here: once, and only meaningful in a fresh process."""
    import torch

    from bnnaudit.core.preprocessing import Preprocessing
    from bnnaudit.core.surrogate import Surrogate
    from bnnaudit.models.onnx.load import load_onnx

    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        # Loads what the import itself loads late.
        load_onnx(_small(Path(folder)), Preprocessing(), Surrogate(), torch.device("cpu"))
    before = _reset_peak()
    start = time.perf_counter()
    target = load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))
    seconds = time.perf_counter() - start
    size = path.stat().st_size
    return {
        "megabytes": size / 1e6,
        "parameters": target.facts.parameters,
        "seconds": seconds,
        "memory": (_memory("VmHWM") - before) / size,
        "kept": (_memory("VmRSS") - before) / size,
    }


def export_resnet50(folder: Path) -> Path:
    """torchvision's ResNet-50 with random weights, its batch open."""
    import torch
    from torchvision.models import resnet50

    path = folder / "resnet50.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            resnet50().eval(),
            (torch.rand(1, 3, 64, 64),),
            path,
            dynamo=False,
            input_names=["x"],
            dynamic_axes={"x": {0: "n"}},
        )
    return path


def _small(folder: Path) -> Path:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    path = folder / "small.onnx"
    weights = numpy_helper.from_array(np.ones((2, 3, 4, 4), dtype=np.float32), "w")
    graph = helper.make_graph(
        [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Flatten", ["c"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 4, 4])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])],
        [weights],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
    return path


def _reset_peak() -> int:
    """Start the count of the peak anew (Linux); the memory in use, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


if __name__ == "__main__":
    sys.exit(main())
