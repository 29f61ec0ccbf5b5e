"""Hooks on the steps that a network takes and the modules that it runs, for what measures their scale or gradient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle


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
def step_hook(watcher: Callable[[StepTaken], None]) -> Iterator[None]:
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
    """Whether steps are being watched: a module that takes several steps in one then has to take them one by one."""
    return _WATCHER.get() is not None


@contextmanager
def removing(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Takes these hooks away at the end."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def followed(network: nn.Module, path: list[str], changed: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keeps in `path` the names of the modules that are running, the innermost last; `changed` is called when they change."""

    def enter(name: str) -> None:
        path.append(name)
        changed()

    def leave(_module: nn.Module, _inputs: Any, _result: Any) -> None:
        path.pop()
        changed()

    handles = []
    for name, module in network.named_modules():
        if isinstance(module, torch.jit.ScriptModule):  # takes no hooks
            continue
        handles.append(module.register_forward_pre_hook(lambda _module, _inputs, name=name: enter(name)))
        handles.append(module.register_forward_hook(leave))
    with removing(handles):
        yield
