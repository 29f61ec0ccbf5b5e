"""Files that declare an open batch around a body that works for one number of images alone.

So it is after an export that had a batch in its hands: `x.view(1, -1)` stays a 1 in the file, whatever its input says.
"""

from __future__ import annotations

from collections import Counter

from bnnaudit.loaders.replay import ReplayedModel
from bnnaudit.operators.graph import Graph

TRIAL = 3
"""Images of the trial: more than one, and no usual batch size."""

HOLDS_SIZES = {"Reshape": 1, "Expand": 1, "Resize": 3}
"""Operators with an input of sizes, the first of which may be a batch, and its position."""

TRIED = 4
"""Batches that are tried beside 1. Not tuned: files hold one, and a few sizes that are none."""


def body_batch(graph: Graph, deployed: ReplayedModel) -> int | None:
    """The number of images that a model works for, found by running it; None where it takes any.

    None too where no number works that stands in the file: then the first real run says what is wrong. `graph`: lowered.
    """
    if deployed.takes(TRIAL):
        return None
    return next((batch for batch in (1, *_sizes_in_front(graph)) if deployed.takes(batch)), None)


def _sizes_in_front(graph: Graph) -> list[int]:
    """The first sizes of constant targets, the most frequent first."""
    found: Counter[int] = Counter()
    for node in graph.nodes:
        position = HOLDS_SIZES.get(node.op_type, len(node.input))
        sizes = graph.constant(node.input[position]) if position < len(node.input) else None
        if sizes is not None and sizes.ndim == 1 and sizes.size and sizes[0] > 1:
            found[int(sizes[0])] += 1
    return [batch for batch, _ in found.most_common(TRIED)]
