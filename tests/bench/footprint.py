"""Memory and start-up of whole commands, each in a process of its own.

    python -m tests.bench.footprint [--only help start check attack]

`check --effort quick` on a ResNet-18 (width 32) with 1,000 images of 32 x 32 pixels; `attack --method pgd++ --beta hns` on a
ResNet-50 with 1,000 classes and images of 224 x 224; `--help`; and the time from the imports of torch, torchvision and
onnx2torch to the first error signal of an attack on a sample model. Weights are random, labels the networks' own answers.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet50

from tests.bench.small_networks import resnet18
from tests.bench.strongest import SAMPLES
from tests.bench.timing import Figure, table

GIB = 2**30
FIRST_STEP = """
import json, sys, time
import torch, torchvision, onnx2torch
started = time.perf_counter()
from bnnaudit.cli.main import run
from bnnaudit.attacks import ascent
ours, first = ascent.error_signal, []
def noting(*given, **named):
    first.append(time.perf_counter() - started)
    return ours(*given, **named)
ascent.error_signal = noting
code = run(sys.argv[1:])
print(json.dumps({"first": first[0], "code": code}))
"""


def resnet18_of_ten() -> nn.Module:
    """The ResNet-18 of the check, normalization apart."""
    return resnet18(32, 10, folded=False)


def resnet50_of_thousand() -> nn.Module:
    """The ResNet-50 of the attack."""
    torch.manual_seed(0)
    return resnet50()


def check_memory(folder: Path) -> list[Figure]:
    """GiB at the peak of `check` on 1,000 images."""
    files = _saved(folder, resnet18_of_ten, 1000, 32)
    peak = _peak("check", *files, "--effort", "quick", "--samples", "1000", "--eps", "8/255")
    return [Figure("check, ResNet-18, 1,000 images: peak memory", peak / GIB, 2, unit=" GiB")]


def attack_memory(folder: Path) -> list[Figure]:
    """GiB at the peak of PGD++ (HNS) on images of 224 x 224 in 1,000 classes."""
    files = _saved(folder, resnet50_of_thousand, 8, 224)
    how = ("--method", "pgd++", "--beta", "hns", "--samples", "8", "--steps", "3", "--eps", "0.5/255")
    peak = _peak("attack", *files, *how)
    return [Figure("attack pgd++ (hns), ResNet-50, 224 x 224, 1,000 classes: peak memory", peak / GIB, 8, unit=" GiB")]


def help_time(folder: Path) -> list[Figure]:
    """Seconds of `--help`, the median of five."""
    found = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "bnnaudit", "--help"], check=True, capture_output=True)
        found.append(time.perf_counter() - started)
    return [Figure("bnnaudit --help", sorted(found)[2], 0.4, unit=" s")]


def start_time(folder: Path) -> list[Figure]:
    """Seconds from the imports of the large libraries to the first step of an attack."""
    model = ("attack", str(SAMPLES / "digits-bnn-waq.onnx"), "--method", "pgd", "--quiet")
    done = subprocess.run([sys.executable, "-c", FIRST_STEP, *model], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["code"] in (0, 1)
    return [Figure("first step of an attack on digits-bnn-waq, after the imports", found["first"], 1.5, unit=" s")]


PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "help": help_time,
    "start": start_time,
    "check": check_memory,
    "attack": attack_memory,
}


def _saved(folder: Path, make: Callable[[], nn.Module], images: int, size: int) -> tuple[str, ...]:
    """The arguments that name a network's checkpoint, its architecture, and as many images labelled by itself."""
    network = make().eval()
    model, data = folder / f"{make.__name__}.safetensors", folder / f"{make.__name__}.npz"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, model)
    pixels = torch.rand(images, 3, size, size, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = torch.cat([network(part).argmax(dim=1) for part in torch.split(pixels, 50)])
    np.savez(data, x=pixels.numpy(), y=labels.numpy())
    return str(model), "--arch", f"{__spec__.name}:{make.__name__}", "--data", str(data)


def _peak(*arguments: str) -> int:
    """Bytes of the largest resident set of a `bnnaudit` command."""
    command = [sys.executable, "-m", "bnnaudit", *arguments, "--quiet"]
    with tempfile.TemporaryFile() as output:
        started = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode()
    if started.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)} ended with {started.returncode}: {text[-1000:]}")
    return usage.ru_maxrss * 1024


def measured(parts: Sequence[str] | None = None) -> list[Figure]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        return [figure for part in parts or PARTS for figure in PARTS[part](Path(folder))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the table; 1 where a figure is not as asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", choices=list(PARTS))
    figures = measured(parser.parse_args(arguments).only)
    sys.stdout.write(table(figures))
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
