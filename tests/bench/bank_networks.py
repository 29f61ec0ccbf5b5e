"""The few trained networks that the bank is made of: small, by recipe, kept from one run to the next."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from bnnaudit.quantization.layers import WeightScale, deploy
from bnnaudit.zoo.architectures.mlp import mlp
from bnnaudit.zoo.architectures.precision import Activations, Weights, activation
from bnnaudit.zoo.train.determinism import reproducible
from bnnaudit.zoo.train.digits import load_digits_split
from bnnaudit.zoo.train.tables import Recipe
from tests.bench.fitting import as_tensors, fit
from tests.networks.broken import Scale, WinnersTakeAll
from tests.paths import SHARED

CACHE = Path(tempfile.gettempdir()) / "bnnaudit-bank"
MNIST = SHARED / "data" / "mnist"
MNIST_TRAINED_ON = 6000
SOFTENED = 50.0
"""Temperature of the distilled networks."""


@dataclass(frozen=True, slots=True)
class Data:
    """Images (N, 1, H, W) in [0, 1] with labels, to train on and held out."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]


@cache
def digits() -> Data:
    """8 x 8 digits, split as the sample models are."""
    split = load_digits_split(597, 0)
    return Data(as_tensors(split.train), as_tensors(split.test))


@cache
def mnist() -> Data:
    """MNIST; FileNotFoundError where it is not at hand."""
    if not MNIST.exists():
        raise FileNotFoundError(f"no MNIST in {MNIST}")
    from torchvision import datasets

    def part(train: bool, count: int) -> tuple[Tensor, Tensor]:
        stored = datasets.MNIST(str(MNIST), train=train)
        return stored.data[:count, None].float() / 255, stored.targets[:count].clone()

    return Data(part(True, MNIST_TRAINED_ON), part(False, 1000))


DATA: Mapping[str, Callable[[], Data]] = {"digits": digits, "mnist": mnist}


@dataclass(frozen=True, slots=True)
class Ingredients:
    """A recipe of the bank: a multi-layer perceptron on one of the data sets."""

    data: str
    epochs: int
    rate: float = 0.01
    weights: Weights = Weights.FLOAT
    activations: Activations = Activations.RELU
    hidden: tuple[int, ...] = (96, 96)
    adversarial_eps: float = 0.0
    softened: float = 1.0
    winners: float = 0.0


NETWORKS: Mapping[str, Ingredients] = {
    "digits-float": Ingredients("digits", 25, 0.003),
    "digits-robust": Ingredients("digits", 30, 0.005, adversarial_eps=0.15),
    "digits-robust-narrow": Ingredients("digits", 30, 0.005, hidden=(48, 48), adversarial_eps=0.15),
    "digits-waq": Ingredients("digits", 40, weights=Weights.BINARY, activations=Activations.BINARY, hidden=(256, 256)),
    "digits-wq": Ingredients("digits", 30, weights=Weights.BINARY),
    "digits-distilled": Ingredients("digits", 60, 0.01, softened=SOFTENED),
    "digits-winners": Ingredients("digits", 30, 0.005, hidden=(256, 256), winners=0.03),
    "digits-weak": Ingredients("digits", 1, 0.0006),
    "mnist-float": Ingredients("mnist", 6, 0.003),
    "mnist-robust": Ingredients("mnist", 10, 0.003, adversarial_eps=0.1),
    "mnist-waq": Ingredients("mnist", 10, weights=Weights.BINARY, activations=Activations.BINARY, hidden=(256, 256)),
    "mnist-wq": Ingredients("mnist", 8, weights=Weights.BINARY),
    "mnist-distilled": Ingredients("mnist", 12, 0.01, softened=SOFTENED),
    "mnist-weak": Ingredients("mnist", 1, 0.00005),
    "mnist-winners": Ingredients("mnist", 8, 0.005, hidden=(256, 256), winners=0.03),
}


@cache
def trained(name: str) -> nn.Module:
    """A network of the table in its deployed form, from the cache where it was trained before."""
    made = NETWORKS[name]
    key = hashlib.sha256(repr(made).encode()).hexdigest()[:12]
    path = CACHE / f"{name}-{key}.safetensors"
    network = deploy(_build(made).float())
    if not path.exists():
        network = deploy(_train(made))
        CACHE.mkdir(parents=True, exist_ok=True)
        save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, path)
    network.load_state_dict(load_file(path))
    return _cooled(network).eval().requires_grad_(False)


def _cooled(network: nn.Module) -> nn.Module:
    """Without the temperature that a distilled network was trained at."""
    assert isinstance(network, nn.Sequential)
    return network[:-1] if isinstance(network[-1], Scale) else network


def _build(made: Ingredients) -> nn.Module:
    features = DATA[made.data]().train[0][0].numel()
    network = mlp(features, made.hidden, 10, made.weights, made.activations, WeightScale.NONE)
    assert isinstance(network, nn.Sequential)
    if made.winners:
        kind = type(activation(Activations.RELU))
        network = nn.Sequential(*(WinnersTakeAll(made.winners) if isinstance(m, kind) else m for m in network))
    return network if made.softened == 1 else nn.Sequential(*network, Scale(1 / made.softened))


def _train(made: Ingredients) -> nn.Module:
    table: dict[str, object] = {
        "name": "bank",
        "description": "a network of the bank",
        "architecture": {"name": "mlp"},
        "training": {"epochs": made.epochs, "learning_rate": made.rate},
        "card": {"eps": 0.1},
    }
    if made.adversarial_eps:
        eps = made.adversarial_eps
        table["adversarial"] = {"eps": eps, "steps": 5, "step_size": eps / 3, "warmup": 3}
    images, labels = DATA[made.data]().train
    with reproducible(0):
        network = _build(made)
        fit(network, images, labels, Recipe.model_validate(table))
    return network.eval()
