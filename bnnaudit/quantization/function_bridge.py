"""A way for the gradient over a foreign `autograd.Function` whose backward pass is zero.

A user's `forward` may call a function of their own, as `MyRound.apply(x)`, that returns no gradient. No module stands there
that could be replaced, but its node stands in the graph: a hook on the node passes what arrives straight through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction

from bnnaudit.quantization.step_hooks import removing

Gradients = tuple[Tensor | None, ...]


def foreign_functions(result: Tensor) -> Iterator[BackwardCFunction]:
    """The nodes of hand-written autograd functions that `result` was computed through, those next to it first."""
    seen, waiting = set(), [result.grad_fn]
    while waiting:
        node = waiting.pop(0)
        if node is None or node in seen:
            continue
        seen.add(node)
        if isinstance(node, BackwardCFunction):
            yield node
        waiting += [before for before, _ in node.next_functions]


class FunctionBridge(nn.Module):
    """A network whose hand-written functions pass a gradient straight through for every image for which they return zero.

    Only functions that keep their input's shape; a gradient of their own is left as it is.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d)."""
        result: Tensor = self.network(inputs)
        if torch.is_grad_enabled():
            for node in foreign_functions(result):
                node.register_hook(straight_through)
        return result


def straight_through(returned: Gradients, arrived: Gradients) -> Gradients | None:
    """The hook: of the gradients returned, that of the input whose shape (N, ...) the function keeps.

    It is replaced by what arrived for the images for which it is zero. None, which leaves all as it is, where there is no
    such input, or where autograd was told of no gradient at all and takes none.
    """
    given = arrived[0] if len(arrived) == 1 else None
    if given is None or given.dim() == 0:
        return None
    kept = [index for index, own in enumerate(returned) if own is not None and own.shape == given.shape]
    if not kept:
        return None
    own = returned[kept[0]]
    assert own is not None
    dead = (own == 0).view(len(own), -1).all(dim=1)
    bridged = torch.where(dead.view(-1, *(1,) * (own.dim() - 1)), given, own)
    return (*returned[: kept[0]], bridged, *returned[kept[0] + 1 :])


def killing_functions(result: Tensor, differentiate: Callable[[], Any]) -> tuple[str, ...]:
    """Names of the hand-written functions through which no gradient came although one arrived, while `differentiate` ran."""
    killers: list[str] = []

    def note(node: BackwardCFunction, returned: Gradients, arrived: Gradients) -> None:
        came, left = (any(each is not None and bool(each.any()) for each in both) for both in (arrived, returned))
        if came and not left:
            killers.append(type(node).__name__.removesuffix("Backward"))  # what it is called in its source

    with removing([node.register_hook(partial(note, node)) for node in foreign_functions(result)]):
        differentiate()
    return tuple(dict.fromkeys(killers))
