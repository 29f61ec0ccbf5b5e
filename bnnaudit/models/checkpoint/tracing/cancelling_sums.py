"""Sums in which a term cancels out, as in `x + (sign(x) - x).detach()`: the gradient is that of the terms that remain.

Once nothing is cut off any more the derivative of such a sum is right as it stands, but for the rounding errors of terms that
should cancel; a gradient that must be zero would consist of them.
"""

from __future__ import annotations

from collections import Counter

from torch import fx

from bnnaudit.models.checkpoint.tracing.recording import Recording, is_float, op_of, same_shape
from bnnaudit.quantization.recorded_steps import GradientOfSum

SIGNS = {"add": 1, "sub": -1}


def telescope(recording: Recording) -> None:
    """Every sum of which a varying term cancels out keeps its value and gets the gradient of the others."""
    for node in list(recording.graph.nodes):
        if op_of(node) not in SIGNS or not recording.varies(node) or not is_float(node):
            continue
        terms = _terms(recording, node, node)
        left = {term: sign for term, sign in terms.items() if sign and recording.varies(term)}
        if left and any(sign == 0 and recording.varies(term) for term, sign in terms.items()):
            signs = [float(sign) for sign in left.values()]
            recording.replace(node, recording.call("carried", GradientOfSum(signs), (node, *left), node))
    recording.tidied()


def _terms(recording: Recording, node: fx.Node, root: fx.Node) -> Counter[fx.Node]:
    """The terms of the root's shape that a sum consists of, each with its sign; numbers are left out."""
    found: Counter[fx.Node] = Counter()
    scaled = node.kwargs.get("alpha", 1) != 1
    for part, sign in zip(node.args[:2], (1, SIGNS[op_of(node)]), strict=True):
        if not isinstance(part, fx.Node):
            continue
        inner = op_of(part) in SIGNS and not scaled and is_float(part) and same_shape(part, root)
        terms = _terms(recording, part, root) if inner else Counter({part: 1})
        for term, own in terms.items():
            found[term] += sign * own
    return Counter({node: 1}) if scaled else found
