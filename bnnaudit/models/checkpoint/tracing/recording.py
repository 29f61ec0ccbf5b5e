"""A recorded network while it is being rewritten: questions about its nodes, and new nodes."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn

from bnnaudit.models.checkpoint.tracing.capture import NOTES, PATH
from bnnaudit.models.graph_walk import reached
from bnnaudit.quantization.quantizers import TernarySign
from bnnaudit.quantization.recorded_steps import (
    Chosen,
    FakeQuantization,
    GradientOfSum,
    RecordedGrid,
    RecordedRounding,
    RecordedSign,
    RecordedStairs,
)

VALUE = "val"
"""Where a node keeps an example of its value, without numbers, in its meta."""
SHAPED = frozenset(
    {
        *("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like", "fill"),
        *("new_zeros", "new_ones", "new_full", "new_empty", "sym_size"),
    }
)
"""Operators that look at the shape of what they are given and not at its numbers."""
MOVING = frozenset(
    {
        *("view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze", "expand"),
        *("permute", "transpose", "t", "movedim", "select", "slice", "narrow", "clone", "contiguous", "alias"),
    }
)
"""Operators that move values and compute none."""
SIGNS = ("sign", "sgn")
GIVEN_FIRST = (GradientOfSum, Chosen)
GIVEN_SECOND = (RecordedSign, RecordedRounding, RecordedGrid, RecordedStairs, FakeQuantization)
"""Modules that are given a computed value, as their first and their second argument; no gradient flows through it."""


def op_of(node: object) -> str:
    """`ge` for aten's operator of any overload, `domain::name` for others, "" for what is no operator."""
    if not isinstance(node, fx.Node) or node.op != "call_function":
        return ""
    if node.target is operator.getitem:
        return "getitem"
    if isinstance(node.target, torch._ops.OpOverload):
        return str(node.target.name()).partition(".")[0].removeprefix("aten::")  # type: ignore[no-untyped-call]
    return ""


def example(node: fx.Node) -> Tensor | None:
    """The value of a node as a tensor of its shape and type, without numbers."""
    value = node.meta.get(VALUE)
    return value if isinstance(value, Tensor) else None


def is_float(node: object) -> bool:
    """Whether a node is a tensor of floats."""
    value = example(node) if isinstance(node, fx.Node) else None
    return value is not None and value.is_floating_point()


def same_shape(one: fx.Node, other: fx.Node) -> bool:
    """Whether two nodes are tensors of one shape."""
    first, second = example(one), example(other)
    return first is not None and second is not None and first.shape == second.shape


@dataclass(slots=True)
class Recording:
    """The graph, and what has been found in it.

    varying: nodes whose numbers depend on the image's. masks: those that let through or stop the values that they were
    computed of, which have no gradient and need none. notes: how often what was passed over, by its name.
    """

    module: fx.GraphModule
    varying: set[fx.Node] = field(default_factory=set)
    masks: set[fx.Node] = field(default_factory=set)
    notes: Counter[str] = field(default_factory=Counter)

    @property
    def graph(self) -> fx.Graph:
        return self.module.graph

    @property
    def given(self) -> fx.Node:
        """The image."""
        found: fx.Node = next(node for node in self.graph.nodes if node.op == "placeholder")
        return found

    @property
    def result(self) -> fx.Node | None:
        """What the network returns; None where that is no single tensor."""
        returned = self.graph.output_node().args[0]
        return returned if isinstance(returned, fx.Node) else None

    def find_varying(self) -> None:
        """Finds the nodes whose numbers depend on the image's."""
        self.varying = {self.given}
        for node in self.graph.nodes:
            if self._depends(node):
                self.varying.add(node)

    def varies(self, node: object) -> bool:
        """Whether the numbers of a node depend on the image's."""
        return isinstance(node, fx.Node) and node in self.varying

    def relevant(self) -> set[fx.Node]:
        """The varying nodes that a gradient may come to: all but those whose values are only passed on."""
        output = self.graph.output_node()
        return set(reached([output], lambda node: self.varying.intersection(self.followed(node))))

    def followed(self, node: fx.Node) -> Sequence[fx.Node]:
        """What a node is computed of, without computed values that it only passes on."""
        module = self.called(node)
        if isinstance(module, GIVEN_FIRST):
            return _distinct(node.args[1:])
        if isinstance(module, GIVEN_SECOND):
            return _distinct(node.args[:1])
        return node.all_input_nodes

    def called(self, node: object) -> nn.Module | None:
        """The module that a node calls."""
        if isinstance(node, fx.Node) and node.op == "call_module":
            return self.module.get_submodule(str(node.target))
        return None

    def signed(self, node: object) -> fx.Node | None:
        """What a node takes the sign of, if it does."""
        if isinstance(node, fx.Node) and (op_of(node) in SIGNS or isinstance(self.called(node), TernarySign)):
            source = node.args[0]
            return source if isinstance(source, fx.Node) else None
        return None

    def constant(self, value: object) -> Tensor | None:
        """The stored tensor that a node stands for, or a number as one."""
        if isinstance(value, bool | int | float):
            return torch.tensor(value)
        if isinstance(value, Tensor):
            return value
        if isinstance(value, fx.Node) and value.op == "get_attr":
            found = operator.attrgetter(str(value.target))(self.module)
            return found.detach() if isinstance(found, Tensor) else None
        return None

    def splat(self, value: object) -> float | None:
        """The number that every element of a node has; None where they differ, or depend on the image."""
        stored = self.constant(value)
        if stored is not None:
            alike = stored.numel() > 0 and not stored.is_complex() and bool((stored == stored.flatten()[0]).all())
            return float(stored.flatten()[0]) if alike else None
        if not isinstance(value, fx.Node) or self.varies(value):
            return None
        match op_of(value):
            case "ones_like" | "new_ones" | "ones":
                return 1.0
            case "zeros_like" | "new_zeros" | "zeros":
                return 0.0
            case "full_like" | "full" | "fill" | "new_full":
                return self.splat(value.args[2 if op_of(value) == "new_full" else 1])
            case "scalar_tensor" | "clone" | "_to_copy" | "expand" | "view" | "lift_fresh_copy":
                return self.splat(value.args[0])
            case "neg":
                number = self.splat(value.args[0])
                return None if number is None else -number
            case "mul":
                pair = [self.splat(part) for part in value.args[:2]]
                return None if pair[0] is None or pair[1] is None else pair[0] * pair[1]
            case _:
                return None

    def call(
        self, name: str, module: nn.Module, arguments: Sequence[Any], like: fx.Node, kind: torch.dtype | None = None
    ) -> fx.Node:
        """A new node beside `like`, of its shape and place, that calls a module of this name; `kind`: its type, if another."""
        path = self.path(like)
        target = self._free(f"{path}.{name}" if path else name)
        self.module.add_submodule(target, module)
        with self._beside(like, arguments):
            node = self.graph.call_module(target, tuple(arguments))
        return self._described(node, like, kind)

    def function(
        self, target: Any, arguments: Sequence[Any], like: fx.Node, kind: torch.dtype | None = None, **named: Any
    ) -> fx.Node:
        """A new node beside `like`, of its shape and place, that calls an operator; `kind`: its type, if another."""
        with self._beside(like, arguments):
            node = self.graph.call_function(target, tuple(arguments), named)
        return self._described(node, like, kind)

    def _beside(self, like: fx.Node, arguments: Sequence[Any]) -> AbstractContextManager[Any]:
        """Behind `like` where it is an argument, else in front of it."""
        behind = any(argument is like for argument in arguments)
        place: AbstractContextManager[Any] = (self.graph.inserting_after if behind else self.graph.inserting_before)(
            like
        )
        return place

    def _described(self, node: fx.Node, like: fx.Node, kind: torch.dtype | None) -> fx.Node:
        node.meta = {key: like.meta[key] for key in (VALUE, NOTES) if key in like.meta}
        value = example(node)
        if kind is not None and value is not None:
            node.meta[VALUE] = value.to(kind)
        if self._depends(node):
            self.varying.add(node)
        return node

    def _depends(self, node: fx.Node) -> bool:
        return op_of(node) not in SHAPED and any(before in self.varying for before in node.all_input_nodes)

    def replace(self, old: fx.Node, new: fx.Node) -> None:
        """Lets the users of a node use another one, which itself may use the old one."""
        old.replace_all_uses_with(new, delete_user_cb=lambda user: user is not new)

    def path(self, node: fx.Node) -> str:
        """The name of the module of the user's network that computes a node."""
        return str(node.meta.get(NOTES, {}).get(PATH, ""))

    def tidied(self) -> None:
        """Drops nodes without a use."""
        self.graph.eliminate_dead_code()
        self.varying &= set(self.graph.nodes)

    def _free(self, name: str) -> str:
        taken = {held for held, _ in self.module.named_modules()}
        others = (f"{name}_{index}" for index in range(1, len(taken) + 2))
        return next(free for free in (name, *others) if free not in taken)


def _distinct(arguments: Sequence[Any]) -> list[fx.Node]:
    return list(dict.fromkeys(argument for argument in arguments if isinstance(argument, fx.Node)))
