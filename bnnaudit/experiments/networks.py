"""Which of the paper's networks a model corresponds to, and which tables it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from bnnaudit.core.reproduction import JPEG_COPY, Network
from bnnaudit.experiments.paper import PaperNetwork, PaperTable

OF_THE_PAPER = ("CIFAR-10", "CIFAR-100")
"""Data that tables of the paper are about: a network for one of them belongs to no table about the other."""
PERCEPTRON = "mlp"
"""How names of fully connected architectures begin."""


def folded(name: str) -> str:
    """A name of an architecture, data or binarizer as they are compared: `ResNet-18` and `resnet18` are one."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def data_name(data: str) -> str:
    """`CIFAR-10 (JPEG copy)` -> `cifar10`: the data set, whatever was done to its images."""
    return folded(data.partition("(")[0])


def corresponds(ours: Network, papers: Network) -> bool:
    """Whether the paper's figures are about such a network; a width other than the usual and a JPEG copy do not matter.

    What the paper does not say, as the kind in Table 7, may be anything.
    """
    same_binarizer = not ours.binarizer or not papers.binarizer or folded(ours.binarizer) == folded(papers.binarizer)
    return (
        same_kind(ours, papers)
        and bool(ours.data and ours.architecture)
        and data_name(ours.data) == data_name(papers.data)
        and folded(ours.architecture) == folded(papers.architecture)
        and same_binarizer
    )


def same_kind(ours: Network, papers: Network) -> bool:
    """Whether the paper's network is of the same kind and training, or of any."""
    return not papers.kind or (ours.kind == papers.kind and ours.adversarial == papers.adversarial)


def unlike(ours: Network, papers: Network) -> tuple[str, ...]:
    """How a network differs from the paper's that it corresponds to, in words."""
    found = []
    if ours.width is not None:
        found.append(f"its first layer has {ours.width} channels")
    if folded(ours.data) != folded(papers.data):
        rest = ours.data.partition("(")[2].rstrip(") ")
        found.append("its data are a JPEG copy" if rest == JPEG_COPY else f"its data are {ours.data}")
    return tuple(found)


def counterpart(ours: Network, table: PaperTable) -> PaperNetwork | None:
    """The paper's network in the table that a model corresponds to."""
    return next((each for each in table.networks if corresponds(ours, each.network)), None)


def nearest(ours: Network, table: PaperTable) -> Network:
    """The network of the table that is most like ours: first by kind and training, then by data, architecture, binarizer."""

    def likeness(papers: Network) -> tuple[bool, ...]:
        return (
            ours.kind == papers.kind,
            ours.adversarial == papers.adversarial,
            data_name(ours.data) == data_name(papers.data),
            folded(ours.architecture) == folded(papers.architecture),
            folded(ours.binarizer) == folded(papers.binarizer),
        )

    return max((each.network for each in table.networks), key=likeness)


def belongs(ours: Network, table: PaperTable) -> bool:
    """Whether the table is about networks like ours: of its kind and training and, where the paper has their data, of these.

    A table of fully connected networks takes no others.
    """
    papers = [each.network for each in table.networks if same_kind(ours, each.network)]
    if all(folded(network.architecture) == PERCEPTRON for network in papers):
        papers = [network for network in papers if folded(ours.architecture).startswith(PERCEPTRON)]
    if data_name(ours.data) in {data_name(name) for name in OF_THE_PAPER}:
        papers = [network for network in papers if data_name(network.data) == data_name(ours.data)]
    return bool(papers)


def float_twin(ours: Network, others: Sequence[Network]) -> int | None:
    """The place of the float network of the same architecture and data among others; of several the one of the same width."""
    fitting = [
        index
        for index, other in enumerate(others)
        if other.kind == "REF"
        and not other.adversarial
        and (folded(other.architecture), folded(other.data)) == (folded(ours.architecture), folded(ours.data))
    ]
    return max(fitting, key=lambda index: others[index].width == ours.width, default=None)
