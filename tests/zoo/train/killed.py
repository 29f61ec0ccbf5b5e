"""Trains, and kills itself as `kill -9` would at a moment that is given: `python -m tests.zoo.train.killed FOLDER STEPS WHERE`.

WHERE is `step`, after so many steps of this process, or `save`, in the middle of writing the checkpoint after them.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from bnnaudit.zoo.train.state import State
from bnnaudit.zoo.train.tables import Recipe
from bnnaudit.zoo.train.training import Surroundings, train

RECIPE = Recipe.model_validate(
    {
        "name": "net",
        "description": "",
        "seed": 5,
        "architecture": {
            "name": "mlp",
            "options": {"hidden": [8], "weights": "binary", "binarizer": "md-tanh-s", "activations": "binary"},
        },
        "data": {"held_out": 1597, "validation": 40, "seed": 1},
        "training": {"epochs": 4, "batch_size": 32, "shift": 1, "flip": True, "patience": 3, "precision": "bfloat16"},
        "adversarial": {"eps": 0.1, "steps": 2, "step_size": 0.05, "warmup": 2},
        "export": {"formats": ["safetensors"], "latent": True},
        "card": {"eps": 0.1},
    }
)
"""With all that has a state: momenta, an annealed binarizer, running statistics, augmentation, attacks, the best network."""


class Killer:
    """Ends the process after so many steps."""

    def __init__(self, steps: int, where: str) -> None:
        self.left, self.where = steps, where

    def planned(self, steps: int) -> None: ...

    def stepped(self, state: State) -> None:
        self.left -= 1
        if self.left == 0 and self.where == "save":
            os.fsync = lambda descriptor: end()  # type: ignore[assignment]
        if self.left == 0 and self.where == "step":
            end()


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    train(RECIPE, Path(sys.argv[1]), Surroundings(watcher=Killer(int(sys.argv[2]), sys.argv[3]), every=0.0))
