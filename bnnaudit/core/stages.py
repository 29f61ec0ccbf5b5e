"""What is being done with a file, in words: whoever has to stop it can say where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_TOLD: ContextVar[Callable[[str], None] | None] = ContextVar("told", default=None)


def doing(what: str) -> None:
    """Tells whoever listens what is done from now on, as the start of a sentence: `inferring its shapes`."""
    told = _TOLD.get()
    if told is not None:
        told(what)


@contextmanager
def telling(listener: Callable[[str], None]) -> Iterator[None]:
    """While it is entered, `listener` is told of every stage."""
    token = _TOLD.set(listener)
    try:
        yield
    finally:
        _TOLD.reset(token)
