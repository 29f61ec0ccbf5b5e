"""The nodes of a graph that are reached from some others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from torch import fx


def reached(starts: Iterable[fx.Node], onward: Callable[[fx.Node], Iterable[fx.Node]]) -> Iterator[fx.Node]:
    """All nodes that are reached from `starts` by going onward, each once; the starts only where a way leads back to them."""
    found: set[fx.Node] = set()
    waiting = list(starts)
    while waiting:
        for node in onward(waiting.pop()):
            if node not in found:
                found.add(node)
                waiting.append(node)
                yield node
