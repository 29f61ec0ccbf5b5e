"""Names of nodes that can name torch modules."""

from __future__ import annotations

import re
from collections import Counter

from torch import fx, nn

from bnnaudit.onnx_import.graph.graph import Graph

UNSPEAKABLE = re.compile(r"[^A-Za-z0-9_./:-]")


def name_nodes(graph: Graph) -> None:
    """Give every node a name of its own that can name a torch module, the file's name wherever possible.

    torch.fx writes the names into the program text of the network, unquoted: a name must not be able to say anything.
    """
    taken = {"initializers", *dir(fx.GraphModule), *dir(nn.Module())}
    copies: Counter[tuple[str, str]] = Counter()
    for position, node in enumerate(graph.nodes):
        wish = name = UNSPEAKABLE.sub("_", node.name) or f"{node.op_type}_{position}"
        while (key := module_name(node.domain, name)) in taken:
            copies[node.domain, wish] += 1
            name = f"{wish}_{copies[node.domain, wish]}"
        taken.add(key)
        node.name = name


def module_name(domain: str, name: str) -> str:
    """The name of a node's module in the converted network."""
    return f"{domain}/{name}".lstrip("/").replace(".", "/")
