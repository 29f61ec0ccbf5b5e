"""Who is told of the steps that a network takes while it runs: what measures their scale, or the gradient at each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class StepTaken:
    """One step of a forward pass: z (...) what went in, from a sign's threshold or in a grid's steps, result (...) what came out.

    Both are part of the graph. `scaled`: the step's surrogate has a width.
    """

    z: Tensor
    result: Tensor
    scaled: bool


_WATCHER: ContextVar[Callable[[StepTaken], None] | None] = ContextVar("watcher of steps", default=None)


@contextmanager
def watching(watcher: Callable[[StepTaken], None]) -> Iterator[None]:
    """Inside it every step taken with gradients enabled is shown to `watcher`."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def tell(z: Tensor, result: Tensor, scaled: bool) -> None:
    """Called by every step."""
    watcher = _WATCHER.get()
    if watcher is not None:
        watcher(StepTaken(z, result, scaled))


def is_watched() -> bool:
    """Whether anybody is told of steps now: who takes several steps in one has to take them one by one then."""
    return _WATCHER.get() is not None
