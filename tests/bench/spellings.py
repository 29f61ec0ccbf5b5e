"""What `attack --method auto` leaves of one network, however its signs are written, and of its ONNX file.

    python -m tests.bench.spellings [--samples 100] [--budget 300] [--only detach]

Two networks: the weights of sample_models/digits-bnn-waq, and a binary network on MNIST. Exit code 1 where two ways of writing
leave numbers of images that differ by more than 2 in 100.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import typer
from safetensors.torch import load_file
from torch import Tensor, nn

from bnnaudit.attacks.table import run_attack
from bnnaudit.core.attack import Auto, Budget
from bnnaudit.core.batch import Batch
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.quantization.layers import deploy
from bnnaudit.quantization.quantizers import BinarySign
from bnnaudit.zoo.architectures.cnn import cnn
from tests.bench.bank_networks import digits, mnist, trained
from tests.networks.checkpoints import checkpoint_of
from tests.networks.spelled import SPELLINGS, Spelled
from tests.paths import ROOT

APART = 0.02
CPU = torch.device("cpu")
ONNX = "ONNX file"
CUT_OFF = "all under no_grad"


@dataclass(frozen=True, slots=True)
class Subject:
    """A sequential binary network, its ONNX file where there is one, and held-out images (N, 1, H, W) with labels.

    eps: the radius at which it is attacked.
    """

    name: str
    network: Callable[[], nn.Module]
    onnx: Path | None
    eps: float
    held_out: Callable[[], tuple[Tensor, Tensor]]


def sample_network() -> nn.Module:
    """digits-bnn-waq in its deployed form."""
    network = cnn(channels=(16, 32, 64), strides=(1, 2, 1), weights="binary", activations="binary")
    network.load_state_dict(load_file(ROOT / "sample_models" / "digits-bnn-waq.safetensors"))
    return deploy(network)


SUBJECTS: Mapping[str, Subject] = {
    "digits-bnn-waq": Subject(
        "digits-bnn-waq", sample_network, ROOT / "sample_models" / "digits-bnn-waq.onnx", 0.1, lambda: digits().test
    ),
    "mnist-waq": Subject("mnist-waq", lambda: trained("mnist-waq"), None, 0.05, lambda: mnist().test),
}


def written(network: nn.Module, name: str) -> nn.Module:
    """The network with its signs written in this way."""
    return Spelled(network, SPELLINGS.get(name, SPELLINGS["where"]), BinarySign, name == CUT_OFF)


def opened(subject: Subject, name: str) -> Target:
    """The network as a user would have it opened: its ONNX file, or a checkpoint with code of their own."""
    if name == ONNX:
        return load_onnx(onnx_of(subject), Preprocessing(), Surrogate(), CPU)
    return checkpoint_of(written(subject.network(), name), tuple(subject.held_out()[0].shape[1:]), 10)


def onnx_of(subject: Subject) -> Path:
    """The file, exported anew where none is kept."""
    if subject.onnx is not None:
        return subject.onnx
    from bnnaudit.zoo.train.export import onnx_bytes

    path = Path(tempfile.gettempdir()) / f"bnnaudit-{subject.name}.onnx"
    path.write_bytes(onnx_bytes(subject.network(), tuple(subject.held_out()[0].shape[1:])))
    return path


def names(subject: Subject) -> Iterator[str]:
    """Every way of writing it."""
    yield ONNX
    yield from SPELLINGS
    yield CUT_OFF


def left(target: Target, images: Tensor, labels: Tensor, eps: float, budget: int) -> float:
    """The share of the images that `auto` leaves, judged by the deployed model."""
    right = target.deployed(images).argmax(dim=1) == labels
    batch = Batch(images[right], labels[right], torch.arange(len(images))[right])
    settings = Auto(budget=Budget(budget))
    outcome = run_attack(settings, target, batch, Threat(Norm.LINF, eps), 0)
    standing = target.deployed(outcome.images).argmax(dim=1) == batch.labels
    return int(standing.sum()) / len(images)


def measured(subject: Subject, samples: int, budget: int, only: str = "") -> dict[str, float]:
    """Prints a line for each way of writing; what each leaves."""
    images, labels = (part[:samples] for part in subject.held_out())
    found: dict[str, float] = {}
    for name in names(subject):
        if only not in name:
            continue
        began = time.process_time()
        target = opened(subject, name)
        found[name] = left(target, images, labels, subject.eps, budget)
        steps = ", ".join(f"{entry.count} x {entry.op}" for entry in target.facts.nondifferentiable)
        seconds = time.process_time() - began
        source = target.facts.gradients.source
        typer.echo(f"{subject.name:16} {name:24} {100 * found[name]:5.1f} %  {source!s:9} {steps:14} {seconds:5.1f} s")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """The table; 1 where two ways differ by more than 2 of 100 images."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--budget", type=int, default=300)
    parser.add_argument("--only", default="", help="ways of writing whose name holds this")
    parser.add_argument("--network", choices=list(SUBJECTS), action="append")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    apart = False
    for name in given.network or SUBJECTS:
        shares = measured(SUBJECTS[name], given.samples, given.budget, given.only).values()
        apart = apart or max(shares) - min(shares) > APART
    return int(apart)


if __name__ == "__main__":
    sys.exit(main())
