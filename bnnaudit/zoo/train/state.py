"""Where a training stands: everything that is needed to go on as if it had never been interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one epoch. loss and train_accuracy: the mean over its batches, as they were trained on.

    test_accuracy: that of the network as it would be deployed, on all held-out images; validation_accuracy on those set
    aside for early ending. learning_rate: that of the epoch's last step. seconds: what it took, all runs together.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float
    validation_accuracy: float | None
    learning_rate: float
    seconds: float


@dataclass(slots=True)
class Best:
    """The best network so far by the validation images."""

    epoch: int
    accuracy: float
    weights: dict[str, Tensor]


@dataclass(slots=True, eq=False)
class State:
    """epoch: those done. order: that of the images in the epoch under way, of which `batch` batches are done.

    sums (2,), float64: of the losses and of the right answers over the images of these batches, `seen` of them; they stay on
    the device, for reading them there would wait for it. seconds: what the batches took.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator
    epoch: int = 0
    order: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.int64))
    batch: int = 0
    sums: Tensor = field(default_factory=lambda: torch.zeros(2, dtype=torch.float64))
    seen: int = 0
    seconds: float = 0.0
    rate: float = 0.0
    figures: list[Figures] = field(default_factory=list)
    best: Best | None = None

    @property
    def loss(self) -> float:
        """The sum of the losses in the epoch under way."""
        return float(self.sums[0])

    @property
    def right(self) -> int:
        """How many answers were right in the epoch under way."""
        return int(self.sums[1])

    def begin_epoch(self) -> None:
        """Nothing has been seen in it yet."""
        self.sums = torch.zeros_like(self.sums)
        self.seen, self.seconds = 0, 0.0

    def count(self, loss: Tensor, right: Tensor) -> None:
        """Adds a batch's mean loss and which of its answers (N,) were right."""
        added = torch.stack([loss.double() * len(right), right.sum().double()])
        self.sums = self.sums.to(added.device) + added
        self.seen += len(right)

    def stored(self) -> dict[str, Any]:
        """All of it as tensors and plain values; what the network and the optimizer hold is shared, not copied."""
        plain = {name: getattr(self, name) for name in PLAIN}
        return {
            **plain,
            "loss": self.loss,
            "right": self.right,
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "torch_generator": torch.get_rng_state(),
            "figures": [asdict(row) for row in self.figures],
            "best": None if self.best is None else _stored_best(self.best),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Makes this the state that was stored, of a network and an optimizer of the same kind."""
        for name in PLAIN:
            setattr(self, name, stored[name])
        self.sums = torch.tensor([stored["loss"], stored["right"]], dtype=torch.float64)
        self.network.load_state_dict(stored["network"])
        self.optimizer.load_state_dict(stored["optimizer"])
        self.generator.set_state(stored["generator"])
        torch.set_rng_state(stored["torch_generator"])
        self.figures = [Figures(**row) for row in stored["figures"]]
        self.best = None if stored["best"] is None else Best(**stored["best"])


PLAIN = ("epoch", "order", "batch", "seen", "seconds", "rate")
"""Fields of a state that are stored as they are."""


def _stored_best(best: Best) -> dict[str, Any]:
    """Its fields; `asdict` would copy the weights."""
    return {"epoch": best.epoch, "accuracy": best.accuracy, "weights": best.weights}
