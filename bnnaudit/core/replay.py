"""How a deployed model is run, for whoever repeats it elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplayFacts:
    """How images in the network's input range and shape are put before the model.

    dtype: of its input, as numpy names it. batch: the batch that the file insists on, None for any. chunk: images that it is
    given at a time. output: the name of the scores, empty where they have none. single, scale, zero_point: how the only score
    of an image is read (`ModelFacts.single`), and what its whole numbers stand for. exact_sums, unfused, threads: how its
    session was opened.
    """

    dtype: str = "float32"
    batch: int | None = None
    chunk: int = 1
    output: str = ""
    single: str = ""
    scale: float = 1.0
    zero_point: float = 0.0
    exact_sums: bool = False
    unfused: bool = False
    threads: int = 1
