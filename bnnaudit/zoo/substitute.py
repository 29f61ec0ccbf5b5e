"""A substitute: a small float network trained to predict what the audited model predicts ([Papernot et al. 2017]).

It sees the model's answers only, never its weights or gradients, so attacks on it are black-box attacks on the model.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from bnnaudit.core.facts import Layout, ModelFormat, OutputKind
from bnnaudit.core.target import Preparation, Target
from bnnaudit.core.threat import Box
from bnnaudit.zoo.compiler_folder import no_compiler_folder
from bnnaudit.zoo.kept_network import keep, place_of, read_kept
from bnnaudit.zoo.train.arithmetic import Arithmetic
from bnnaudit.zoo.train.descent import Course, descend, starting_state
from bnnaudit.zoo.train.determinism import reproducible
from bnnaudit.zoo.train.images import Images, Split
from bnnaudit.zoo.train.keeping import KeepsNothing
from bnnaudit.zoo.train.tables import DataTable, Optimizer, Precision, Schedule, TrainingPlan, TrainingTable

VERSION = 1
"""Of the way from a model's answers to a substitute: another one does not read the networks that this one kept."""
QUERIES = 4096
"""Images that the audited model is asked about. Not tuned."""
HELD_OUT = 256
"""Of these, images that are not trained on. Not tuned."""
AT_ONCE = 128
"""Queries that are made, and asked, at a time; each lot is shifted by pixels of its own. Not tuned."""
LEVELS = 255
"""Steps of a query's pixels between the ends of the range: a query is a picture of eight bits."""
TRAINING = TrainingTable(
    epochs=6,
    batch_size=128,
    optimizer=Optimizer.ADAM,
    learning_rate=0.003,
    schedule=Schedule.CONSTANT,
    precision=Precision.FLOAT32,
)
"""Accuracy that transferred PGD leaves to the public 30 x 30 traffic-sign BNN, mean of four seeds on 300 images, at 8/255 and
3/255: at this learning rate 47.9 and 68.0 %, at 0.002 49.5 and 67.7 %. Otherwise not tuned."""


def imitate(
    target: Target, images: Tensor, seed: int, model: str = "", told: Callable[[str], None] | None = None
) -> Target:
    """A substitute for `target`, trained on its answers to noisy and shifted copies of images (N, ...) in its range.

    Returns a target whose deployed model is the audited one and whose network is the substitute, of no file. Deterministic
    given the seed: training, whose sums over a batch come out otherwise on another number of threads, has one thread. It takes
    seconds on a CPU for small images.

    model: a text that tells the audited model, with all that its answers depend on, from every other; the substitute is then
    kept in the user's cache, and read from there the next time, of which `told` is told. Nothing is kept where it is empty.
    """
    shape, classes, box = images.shape[1:], target.facts.num_classes, target.facts.box
    with torch.random.fork_rng(devices=[]):  # layers draw weights when they are made
        network = substitute_network(shape, classes, torch.Generator().manual_seed(seed))
    queries = _queries(images, box, torch.Generator().manual_seed(seed))
    place = place_of("substitutes", _key(model, queries, classes, seed)) if model else None
    if place is not None and read_kept(place, network):
        if told is not None:
            told("substitute network from the cache")
    else:
        _train(network, queries, _answers(target, queries, shape), classes, seed)
        if place is not None:
            keep(place, network)
    network.eval().requires_grad_(False).to(target.device)
    prepare = Preparation(tuple(shape), Layout.NCHW, ((box.low + box.high) / 2,), (box.width / 2,))
    own = replace(target.facts, path="", sha256="", format=ModelFormat.MODULE, quantizers=(), weight_layers=())
    return Target(network, prepare, target.deployed, replace(own, output=OutputKind.LOGITS), target.device)


def substitute_network(shape: torch.Size, classes: int, generator: torch.Generator) -> nn.Module:
    """A small float network for inputs (C, H, W) or (features,): three strided convolutions, or two dense layers."""
    if len(shape) == 3:
        layers: list[nn.Module] = []
        channels = shape[0]
        size = min(shape[1], shape[2])
        for width in (32, 64, 64):
            stride = 2 if size >= 8 else 1
            layers += [nn.Conv2d(channels, width, 3, stride=stride, padding=1), nn.ReLU()]
            channels, size = width, -(-size // stride)
        layers += [nn.AdaptiveAvgPool2d(min(4, size)), nn.Flatten(), nn.Linear(channels * min(4, size) ** 2, classes)]
    else:
        features = int(torch.Size(shape).numel())
        layers = [
            nn.Flatten(),
            nn.Linear(features, 256),
            nn.ReLU(),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, classes),
        ]
    network = nn.Sequential(*layers)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            nn.init.kaiming_uniform_(parameter, generator=generator)
        else:
            nn.init.zeros_(parameter)
    return network


def disturbed(images: Tensor, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Each image with uniform noise of up to a quarter of the range and, if it has rows, a shift by up to two pixels."""
    amount = torch.rand(len(images), generator=generator).view(-1, *(1,) * (images.dim() - 1)) * (high - low) / 4
    noise = torch.rand(images.shape, generator=generator) * 2 - 1
    shifted = images
    if images.dim() == 4 and min(images.shape[2:]) >= 8:
        down, right = torch.randint(-1, 2, (2,), generator=generator).tolist()
        shifted = torch.roll(images, (down, right), dims=(2, 3))
    return (shifted + amount * noise).clamp(low, high)


def _queries(images: Tensor, box: Box, generator: torch.Generator) -> Tensor:
    """Disturbed images (N, H, W, C), uint8; vectors become pictures of one row."""
    channels, *size = images.shape[1:] if images.dim() == 4 else (1, 1, images[0].numel())
    queries = torch.empty(QUERIES, *size, channels, dtype=torch.uint8)
    for lot in torch.split(queries, AT_ONCE):
        chosen = torch.randint(len(images), (len(lot),), generator=generator)
        drawn = disturbed(images[chosen.to(images.device)].cpu(), box.low, box.high, generator)
        levels = ((drawn - box.low) * (LEVELS / box.width)).round()
        lot.copy_(levels.reshape(len(lot), channels, *size).permute(0, 2, 3, 1))
    return queries


def _answers(target: Target, queries: Tensor, shape: torch.Size) -> Tensor:
    """The classes (N,) that the deployed model puts the queries into."""
    box, answers = target.facts.box, []
    for lot in torch.split(queries, AT_ONCE):
        pictures = lot.permute(0, 3, 1, 2).reshape(len(lot), *shape)
        answers.append(target.deployed(pictures.float() * box.width / LEVELS + box.low).argmax(dim=1))
    return torch.cat(answers)


def _key(model: str, queries: Tensor, classes: int, seed: int) -> str:
    """Names a substitute by all that it depends on."""
    asked = hashlib.sha256(queries.numpy().tobytes()).hexdigest()
    parts = [str(VERSION), torch.__version__, model, asked, str(tuple(queries.shape)), str(classes), str(seed)]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _train(network: nn.Module, queries: Tensor, answers: Tensor, classes: int, seed: int) -> None:
    """Trains the network in place, as a recipe's is trained."""
    x, y = queries.numpy(), answers.numpy().astype(np.int64)
    split = Split(Images(x[HELD_OUT:], y[HELD_OUT:]), Images(x[:HELD_OUT], y[:HELD_OUT]), classes, True, "")
    plan = TrainingPlan(seed=seed, data=DataTable(name="queries", mean=(0.5,), std=(0.5,)), training=TRAINING)
    course = Course(plan, split, Arithmetic.of(TRAINING))
    with no_compiler_folder(), reproducible(seed, TRAINING.threads):
        # A copy: the order of axes in memory that training chooses is none of the network's that is attacked.
        state = starting_state(copy.deepcopy(network), course)
        descend(state, course, KeepsNothing())
    network.load_state_dict(state.network.state_dict())
