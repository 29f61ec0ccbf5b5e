"""How many nodes a graph has once its local functions are written out: functions that call others twice double at each level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from onnx import ModelProto, NodeProto

from bnnaudit.core.errors import ModelError
from bnnaudit.core.file_limits import MOST_NODES
from bnnaudit.core.limits import limited

Name = tuple[str, str]
"""Domain and operator."""


def check_written_out(model: ModelProto) -> None:
    """Refuses a model whose functions call themselves, or that would have too many nodes; raises ModelError."""
    if not limited():
        return
    called = {_name(function.domain, function.name): Counter(_operators(function.node)) for function in model.functions}
    sizes: dict[Name, int] = {}
    for name in called:
        _measure(name, called, sizes)
    nodes = sum(count * sizes.get(name, 1) for name, count in Counter(_operators(model.graph.node)).items())
    if MOST_NODES.exceeded_by(nodes):
        said = f"{nodes:,}" if nodes < 10**15 else "more than 10^15"
        written = " once its local functions are written out" if called else ""
        raise ModelError(MOST_NODES.refused(f"the graph has {said} nodes{written}"))


def _measure(first: Name, called: dict[Name, Counter[Name]], sizes: dict[Name, int]) -> None:
    """Stores how many nodes a function and those that it calls become."""
    waiting, opened = [first], set()
    while waiting:
        name = waiting[-1]
        if name in sizes:
            waiting.pop()
            continue
        missing = [other for other in called[name] if other in called and other not in sizes]
        if missing and name in opened:
            raise ModelError(f"the local function {name[1]!r} calls itself; refused")
        opened.add(name)
        if not missing:
            # An empty function is written out as well, at no cost in nodes but at one in time.
            sizes[name] = max(1, sum(count * sizes.get(other, 1) for other, count in called[name].items()))
        waiting.extend(missing)


def _operators(nodes: Iterable[NodeProto]) -> Iterator[Name]:
    """The operators of nodes and of the bodies of If, Loop and Scan."""
    for node in nodes:
        yield _name(node.domain, node.op_type)
        for entry in node.attribute:
            for body in (*([entry.g] if entry.HasField("g") else []), *entry.graphs):
                yield from _operators(body.node)


def _name(domain: str, operator: str) -> Name:
    return ("" if domain == "ai.onnx" else domain, operator)
