"""Entries of the bank whose networks are sound, and whose labels or images are not: numbered otherwise, fed wrongly, noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from bnnaudit.core.report import Status
from tests.bench.bank import DOUBTFUL, HONEST, Entry
from tests.bench.bank_networks import trained
from tests.networks.broken import before

Given = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
CLASSES = 10


class Affine(nn.Module):
    """values * scale + shift: what a network of other inputs does first to have those that it was trained on."""

    def __init__(self, scale: float, shift: float = 0.0) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, values: Tensor) -> Tensor:
        return values * self.scale + self.shift


class FirstPlane(nn.Module):
    """Of (N, 3, H, W) the first plane (N, 1, H, W)."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, :1]


class Transposed(nn.Module):
    """(N, C, H, W) with height and width swapped."""

    def forward(self, images: Tensor) -> Tensor:
        return images.transpose(2, 3)


def entries_of_the_sample(data: str, eps: float) -> Iterator[Entry]:
    """Healthy and broken ones on one data set."""
    yield from _healthy(data, eps)
    yield from _labels(data, eps)
    yield from _inputs(data, eps)


def _healthy(data: str, eps: float) -> Iterator[Entry]:
    """Samples that are hard, uneven or a little wrong, and for which nobody is to be accused."""
    for what, kind, given in (
        ("one label in ten at random", "float", relabelled(0.1)),
        ("hardly trained", "weak", None),
        ("under noise", "robust", noisy(0.3)),
        ("nine in ten of one class", "float", uneven(0.1)),
        ("one class only", "robust", uneven(0.0)),
        ("hardly trained, one class only", "weak", uneven(0.0)),
    ):
        yield Entry(f"{data}-{kind}, {what}", data, _network(data, kind), eps, HONEST, given=given)


def _labels(data: str, eps: float) -> Iterator[Entry]:
    for what, kind, code, given in (
        ("labels from 1", "float", "MF413", from_one),
        ("labels in another order", "waq", "MF413", reordered),
        ("labels of other images", "robust", "MF412", shuffled),
        ("six labels in ten at random", "robust", "MF416", relabelled(0.6)),
    ):
        causes = frozenset({code})
        yield Entry(f"{data}-{kind}, {what}", data, _network(data, kind), eps, DOUBTFUL, causes, given=given)


def _inputs(data: str, eps: float) -> Iterator[Entry]:
    for what, first, given in (
        ("made for 0..255, fed 0..1", Affine(1 / 255), None),
        ("made for -1..1, fed 0..1", Affine(0.5, 0.5), None),
        ("made for BGR, fed RGB", FirstPlane(), in_the_blue),
        ("made for black on white", Affine(-1.0, 1.0), None),
        ("made for height and width swapped", Transposed(), None),
    ):
        causes, network = frozenset({"MF414"}), _network(data, "robust", first)
        yield Entry(f"{data}-robust, {what}", data, network, eps, DOUBTFUL, causes, given=given)
    noise = frozenset({"MF415"})
    yield Entry(
        f"{data}-robust, noise as images", data, _network(data, "robust"), eps, frozenset(Status), noise, given=white
    )


def _network(data: str, kind: str, first: nn.Module | None = None) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        network = trained(f"{data}-{kind}")
        return network if first is None else before(network, first)

    return make


def from_one(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Labels one too high, without the last class, which would give them away."""
    known = labels < CLASSES - 1
    return images[known], labels[known] + 1


def reordered(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Classes numbered as 0, 1, 2, ... where the network has 0, 9, 8, ..."""
    return images, (CLASSES - labels) % CLASSES


def shuffled(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Every label of another image."""
    return images, labels[torch.randperm(len(labels), generator=_generator())]


def relabelled(share: float) -> Given:
    """So many labels drawn at random."""

    def given(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        generator = _generator()
        chosen = torch.rand(len(labels), generator=generator) < share
        return images, torch.where(chosen, torch.randint(0, CLASSES, labels.shape, generator=generator), labels)

    return given


def noisy(deviation: float) -> Given:
    """Normal noise on the images, most of which are misclassified under it."""

    def given(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        noise = torch.randn(images.shape, generator=_generator())
        return (images + deviation * noise).clamp(0, 1), labels

    return given


def uneven(others: float) -> Given:
    """All images of class 0, twice, and so many of the others for each of them."""

    def given(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        common, rest = (labels == 0).nonzero().flatten().repeat(10), (labels != 0).nonzero().flatten()
        chosen = torch.cat([common, rest[: round(others * len(common))]])
        return images[chosen], labels[chosen]

    return given


def in_the_blue(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Coloured images whose digit is in the blue plane, with another one in the red."""
    others = images.roll(1, 0)
    return torch.cat([others, (images + others) / 2, images], dim=1), labels


def white(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Uniform noise, each image labelled as it comes."""
    return torch.rand(images.shape, generator=_generator()), labels


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)
