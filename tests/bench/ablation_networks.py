"""Four small networks for the ablation of `auto`, trained on the spot by a seed: a minute each, kept in the temporary folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.core.target import Target
from bnnaudit.quantization.layers import deploy
from bnnaudit.quantization.quantizers import BinarySign, Rounding
from bnnaudit.zoo.architectures.cnn import cnn
from bnnaudit.zoo.architectures.mlp import mlp
from bnnaudit.zoo.train.determinism import reproducible
from tests.bench.fitting import fit
from tests.bench.small_bnns import DATA, SmallBnn
from tests.toy import target_of

FOLDER = Path(os.environ.get("BNNAUDIT_ABLATION_NETWORKS", Path(tempfile.gettempdir()) / "bnnaudit-ablation"))


class TwoBits(nn.Module):
    """Rounds to the four levels 0, 1/3, 2/3 and 1."""

    def __init__(self) -> None:
        super().__init__()
        self.rounding = Rounding()

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...)."""
        rounded: Tensor = self.rounding(values.clamp(0, 1) * 3) / 3
        return rounded


def binary_mlp() -> nn.Module:
    """Fully connected, weights and activations of one bit: what the unit search is for."""
    return mlp(64, (64, 64), weights="binary", activations="binary")


def binary_conv() -> nn.Module:
    """Convolutions of one bit on 28 x 28 pixels."""
    return cnn(1, 28, (16, 32, 32), (2, 2, 2), weights="binary", activations="binary")


def two_bit_conv() -> nn.Module:
    """Float weights and activations of two bits on 28 x 28 pixels."""
    layers = cnn(1, 28, (8, 16, 32), (2, 2, 2)).children()
    return nn.Sequential(*(TwoBits() if isinstance(layer, nn.ReLU) else layer for layer in layers))


def one_bit_input() -> nn.Module:
    """A binary network that sees black and white: what the level search is for."""
    return nn.Sequential(BinarySign(0.5), mlp(784, (128, 128), weights="binary", activations="binary"))


@dataclass(frozen=True, slots=True)
class Trained:
    """How to build a network, what to train it on, and the radii that leave some images and not all."""

    build: Callable[[], nn.Module]
    training: SmallBnn
    radii: tuple[str, ...]


NETWORKS: dict[str, Trained] = {
    "mlp-binary": Trained(binary_mlp, SmallBnn("digits", (), (0.1,), 60, attacked=(0.1, 5, 0.03)), ("0.02", "0.05")),
    "conv-binary": Trained(binary_conv, SmallBnn("mnist", (), (0.05,), 4, 128), ("0.005", "0.007", "l2 0.05")),
    "conv-2bit": Trained(two_bit_conv, SmallBnn("mnist", (), (0.05,), 4, 128), ("0.01", "0.02", "l2 0.2")),
    "mlp-1bit-input": Trained(one_bit_input, SmallBnn("mnist", (), (0.1,), 6, 128), ("0.1", "0.2")),
}


def network(name: str) -> Target:
    """The network of that name as a target, trained where its file is not in the folder."""
    spec, path = NETWORKS[name], FOLDER / f"{name}.pt"
    sets = DATA[spec.training.data]()
    recipe = spec.training.recipe(name)
    with reproducible(recipe.seed):
        trained = spec.build()
        if path.exists():
            trained.load_state_dict(torch.load(path, weights_only=True))
        else:
            fit(trained, sets.images, sets.labels, recipe)
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save(trained.state_dict(), path)
    return target_of(deploy(trained), tuple(sets.images.shape[1:]), 10)


def sample(target: Target, name: str, count: int) -> tuple[Batch, Tensor]:
    """The first `count` test images of its data, and which of them the network gets right (N,)."""
    sets = DATA[NETWORKS[name].training.data]()
    batch = Batch(sets.test_images[:count], sets.test_labels[:count], torch.arange(count))
    return batch, target.deployed(batch.images).argmax(dim=1) == batch.labels
