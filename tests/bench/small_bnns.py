"""Small fully connected binary networks for benchmarks: binary weights, sign activations, trained in a minute or two each.

    python -m tests.bench.small_bnns [NAME ...]

trains those named, or all. They are trained as `bnnaudit train` trains (float64, one thread, seeded) on scikit-learn's
digits or on MNIST, and kept as ONNX files and state dicts in the folder bnnaudit-small-bnns of the temporary one; what is
there already is not trained again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import typer
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.onnx.load import load_onnx
from bnnaudit.quantization.layers import deploy
from bnnaudit.zoo.architectures.mlp import mlp
from bnnaudit.zoo.train.determinism import default_dtype, reproducible
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.export import onnx_bytes, safetensors_bytes
from bnnaudit.zoo.train.tables import Recipe
from tests.bench.fitting import Progress, as_tensors, fit

FOLDER = Path(tempfile.gettempdir()) / "bnnaudit-small-bnns"
MNIST_ROOT = Path(os.environ.get("BNNAUDIT_BENCH_DATA", "../shared/data")) / "mnist"
"""What torchvision reads MNIST from."""
HELD_OUT = 597
"""Images of digits that are not trained on."""
MNIST_TRAINED = 20_000
"""Images of MNIST that are trained on, the first ones: enough for networks of this size."""


@dataclass(frozen=True, slots=True)
class SmallBnn:
    """A network to train: its data, hidden layers and radii to audit at, and the options of a recipe.

    attacked: eps, steps and step size of the adversarial images that it is trained on; None for the images themselves.
    """

    data: str
    hidden: tuple[int, ...]
    radii: tuple[float, ...]
    epochs: int
    batch_size: int = 64
    learning_rate: float = 0.01
    attacked: tuple[float, int, float] | None = None

    def recipe(self, name: str) -> Recipe:
        """The recipe, valid but for the data, which recipes know by the name of digits only."""
        values: dict[str, Any] = {
            "name": name,
            "description": "a small binary network",
            "architecture": {"name": "mlp"},
            "training": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "learning_rate": self.learning_rate,
                "label_smoothing": 0.1,
            },
            "card": {"eps": self.radii[0]},
        }
        if self.attacked is not None:
            eps, steps, step_size = self.attacked
            values["adversarial"] = {"eps": eps, "steps": steps, "step_size": step_size, "warmup": self.epochs // 2}
        return Recipe.model_validate(values)


DIGITS_RADII = (0.05, 0.1, 0.15)
MNIST_RADII = (0.01, 0.02, 0.04)
MODELS: dict[str, SmallBnn] = {
    "digits-32": SmallBnn("digits", (32,), DIGITS_RADII, 60),
    "digits-32-at": SmallBnn("digits", (32,), DIGITS_RADII, 60, attacked=(0.1, 5, 0.03)),
    "digits-32-32": SmallBnn("digits", (32, 32), DIGITS_RADII, 60),
    "digits-32-32-at": SmallBnn("digits", (32, 32), DIGITS_RADII, 60, attacked=(0.1, 5, 0.03)),
    "mnist-64": SmallBnn("mnist", (64,), MNIST_RADII, 8, 128),
    "mnist-32-32": SmallBnn("mnist", (32, 32), MNIST_RADII, 8, 128),
    "mnist-5x100": SmallBnn("mnist", (100,) * 5, (0.005, 0.01, 0.02, 0.05), 10, 128),
    "mnist-64-at": SmallBnn("mnist", (64,), MNIST_RADII, 6, 128, attacked=(0.04, 3, 0.02)),
}


@dataclass(frozen=True, slots=True)
class Sets:
    """Images (N, C, H, W) in [0, 1] and labels (N,) to train on and to test on."""

    images: Tensor
    labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def _digits() -> Sets:
    split = load_digits_split(HELD_OUT, seed=0)
    return Sets(*as_tensors(split.train), *as_tensors(split.test))


def _mnist() -> Sets:
    from torchvision.datasets import MNIST

    train, test = (MNIST(str(MNIST_ROOT), train=part, download=False) for part in (True, False))
    images, labels = train.data[:MNIST_TRAINED], train.targets[:MNIST_TRAINED]
    return Sets(_pixels(images), labels, _pixels(test.data), test.targets)


def _pixels(images: Tensor) -> Tensor:
    """uint8 (N, H, W) -> float32 (N, 1, H, W) in [0, 1]."""
    return images.float().div(255).unsqueeze(1)


DATA: dict[str, Callable[[], Sets]] = {"digits": _digits, "mnist": _mnist}


def small_bnn(name: str, folder: Path = FOLDER, progress: Progress | None = None) -> Target:
    """The network of that name as a target, trained first where its file is not in the folder."""
    path = folder / f"{name}.onnx"
    if not path.exists():
        _train(name, path, progress)
    return load_onnx(path, Preprocessing(), Surrogate(), torch.device("cpu"))


def sample_batch(name: str, count: int, seed: int) -> Batch:
    """`count` test images of a network's data, drawn by the seed, in the order of the data set."""
    sets = DATA[MODELS[name].data]()
    ids = np.sort(np.random.default_rng(seed).permutation(len(sets.test_labels))[:count])
    index = torch.from_numpy(ids)
    return Batch(sets.test_images[index], sets.test_labels[index], index)


def correct_batch(target: Target, name: str, count: int, seed: int) -> Batch:
    """Those of `sample_batch` that the deployed network gets right."""
    batch = sample_batch(name, count, seed)
    return batch.select(target.deployed(batch.images).argmax(dim=1) == batch.labels)


def training_batch(target: Target, name: str, count: int) -> Batch:
    """Those of the first `count` images of a network's training data that the deployed network gets right."""
    sets = DATA[MODELS[name].data]()
    batch = Batch(sets.images[:count], sets.labels[:count], torch.arange(count))
    return batch.select(target.deployed(batch.images).argmax(dim=1) == batch.labels)


def _train(name: str, path: Path, progress: Progress | None) -> None:
    spec, sets = MODELS[name], DATA[MODELS[name].data]()
    recipe, shape = spec.recipe(name), tuple(sets.images.shape[1:])
    with reproducible(recipe.seed):
        with default_dtype(torch.float64):
            network: nn.Module = mlp(sets.images[0].numel(), spec.hidden, 10, weights="binary", activations="binary")
        fit(network, sets.images, sets.labels, recipe, progress)
        deployed = deploy(network.float())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".safetensors").write_bytes(safetensors_bytes(deployed.state_dict(), pack=False))
    path.write_bytes(onnx_bytes(deployed, shape))


def main() -> None:
    """Train what is missing, and print the clean accuracy on 500 test images."""
    for name in sys.argv[1:] or MODELS:
        target, batch = small_bnn(name), sample_batch(name, 500, seed=0)
        right = target.deployed(batch.images).argmax(dim=1) == batch.labels
        typer.echo(f"{name}: clean accuracy {right.double().mean():.1%}")


if __name__ == "__main__":
    main()
