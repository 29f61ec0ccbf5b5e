"""Steps that only their values reveal: operators that match no pattern and return no gradient, or a useless one.

Where each of its values depends on one value before it alone, and jumps between a few levels, it is a stair; its thresholds
are read off the values that a few images give. So are functions that autograd differentiates and that are steps all the
same, as x / |x| and clamp(1e10 * x, -1, 1).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

import torch
from torch import Tensor, fx

from bnnaudit.models.checkpoint.tracing.recording import Recording, is_float, op_of, same_shape
from bnnaudit.models.graph_walk import reached
from bnnaudit.quantization.quantizers import BinarySign, Quantizer, TernarySign
from bnnaudit.quantization.recorded_steps import RecordedSign, RecordedStairs

MOST_LEVELS = 256
"""Of a staircase; a measured function of more values is not one. The most that 8 bits can tell apart."""
STEEP_LEVELS = 4
"""The most levels of a function that has a derivative and is a step all the same; not tuned."""
BETWEEN = 0.01
"""The share of its values that may lie between the levels, where it rises; not tuned."""
NEAR = 1e-3
"""Of the distance of its lowest and highest value: what counts as one level; not tuned."""
FEWEST = 64
"""Values by which a function is judged to be a step; not tuned."""
DISTINCT = 32
"""Different values that it has to be given, so that it is no change of a step's levels; not tuned."""
SIGN_STEPS = (BinarySign, TernarySign, RecordedSign, RecordedStairs)
"""Steps that may be clipped afterwards."""
CLIPS = frozenset({"relu", "relu6", "clamp", "clamp_min", "clamp_max", "hardtanh", "maximum", "minimum", "threshold"})
"""Operators that clip a sign, as in relu(sign(x)): the derivative is lost wherever they do."""


def stairs_between(given: Tensor, made: Tensor) -> RecordedStairs | None:
    """The stair that takes each value of given (...) to made (...); None where made is no stair, up or down, of given."""
    before, order = given.detach().flatten().sort()
    after = made.detach().flatten()[order]
    jumps = (after[1:] != after[:-1]).nonzero().flatten()
    if not 1 <= len(jumps) < MOST_LEVELS or len(torch.unique(after)) != len(jumps) + 1:
        return None
    low, high = before[jumps], before[jumps + 1]
    thresholds = torch.where((low < 0) & (high > 0), torch.zeros_like(low), (low + high) / 2)
    levels = torch.cat([after[jumps], after[-1:]])
    return RecordedStairs(thresholds, levels) if bool((thresholds[1:] > thresholds[:-1]).all()) else None


def steep_stairs(given: Tensor, made: Tensor) -> RecordedStairs | None:
    """The stair that a function with a derivative amounts to, given (...) to made (...); None where it rises slowly.

    All values of `made` but a few are near one of two to four levels, though those of `given` differ.
    """
    found, source = _levels(made), given.detach().flatten()
    if found is None or len(torch.unique(source)) < DISTINCT:
        return None
    at_level, level = found
    return stairs_between(source[at_level], level[at_level])


def _levels(made: Tensor) -> tuple[Tensor, Tensor] | None:
    """Which values of made (...) are near one of a few levels, and each value's level; None where more lie between."""
    values = made.detach().flatten()
    spread = float(values.max() - values.min()) if len(values) >= FEWEST else 0.0
    if not 0 < spread < float("inf"):
        return None
    places = torch.round((values.float() - values.min()) / (NEAR * spread))
    _, which, counts = torch.unique(places, return_inverse=True, return_counts=True)
    usual = counts > BETWEEN * len(values)
    at_level = usual[which]
    few = 2 <= int(usual.sum()) <= STEEP_LEVELS and int((~at_level).sum()) <= BETWEEN * len(values)
    return (at_level, (values.min() + places * (NEAR * spread)).to(made.dtype)) if few else None


def measure_steps(recording: Recording, inputs: Tensor) -> tuple[str, ...]:
    """Puts stairs where a gradient ends; the names of the operators at which it still ends.

    inputs (N, *input_shape): the more values there are the nearer the thresholds come.
    """
    _measure_steep(recording, inputs)
    unseen: list[fx.Node] = []
    known: set[fx.Node] = set(recording.masks)
    while True:
        values, node = _run(recording, inputs, known)
        if node is None:
            return _names(recording, unseen)
        known = known | {node}
        before = next(_sole_sources(recording, node, values), None)
        stairs = None if before is None else stairs_between(values[before], values[node])
        if before is None or stairs is None:
            unseen.append(node)
            continue
        recording.replace(node, recording.call(stairs.op, stairs, (before, node), node))


def _run(recording: Recording, inputs: Tensor, known: set[fx.Node]) -> tuple[dict[fx.Node, Tensor], fx.Node | None]:
    """The values of all floats up to the first node at which the gradient ends that is not `known`, and that node."""
    recording.module.recompile()
    relevant, leaf = recording.relevant(), inputs.detach().clone().requires_grad_()
    watcher = fx.Interpreter(recording.module, garbage_collect_values=False)
    with torch.enable_grad():
        watcher.run(leaf)
    last = watcher.env.get(recording.result) if recording.result is not None else None
    dead = isinstance(last, Tensor) and not _comes_through(last, leaf)
    values: dict[fx.Node, Tensor] = {}
    for node in recording.graph.nodes:
        value = watcher.env.get(node)
        if node not in relevant or not isinstance(value, Tensor) or not value.is_floating_point():
            continue
        values[node] = value
        # Operators of torch's own that have a derivative are asked only where the whole network is dead.
        asked = not value.requires_grad or dead or "::" in op_of(node)
        if node not in known and asked and not _comes_through(value, leaf):
            return values, node
    return values, None


def _comes_through(value: Tensor, leaf: Tensor) -> bool:
    """Whether any gradient comes from a value back to the image."""
    if not value.requires_grad:
        return False
    weights = torch.linspace(0.5, 1.5, value.numel(), device=value.device, dtype=value.dtype).view_as(value)
    try:
        (gradient,) = torch.autograd.grad(value, leaf, weights, retain_graph=True, allow_unused=True)
    except RuntimeError:  # a foreign operator without a derivative
        return False
    return gradient is not None and bool(gradient.any())


def _names(recording: Recording, unseen: list[fx.Node]) -> tuple[str, ...]:
    """The operators, but for those whose values a staircase behind them only passes on, as in a table that is looked up flat."""
    recording.tidied()
    followed = recording.relevant()
    return tuple(dict.fromkeys(op_of(node) or str(node.target) for node in unseen if node in followed))


def _measure_steep(recording: Recording, inputs: Tensor) -> None:
    """Puts stairs where a function that autograd differentiates is one."""
    values, _ = _run(recording, inputs, set(recording.graph.nodes))
    for node, value in values.items():
        judged = value.requires_grad and node not in recording.masks
        found = _steep_source(recording, node, values) if judged else None
        if found is not None:
            before, stairs = found
            recording.replace(node, recording.call(stairs.op, stairs, (before, node), node))
    recording.tidied()


def _steep_source(
    recording: Recording, node: fx.Node, values: dict[fx.Node, Tensor]
) -> tuple[fx.Node, RecordedStairs] | None:
    """The first node before, through which alone the image comes to `node`, of which `node` is a steep stair."""
    found: tuple[fx.Node, RecordedStairs] | None = None
    if isinstance(recording.called(node), Quantizer) or _levels(values[node]) is None:
        return None
    for before in _sole_sources(recording, node, values):
        if _has_step(recording, node, before, but=SIGN_STEPS if op_of(node) in CLIPS else ()):
            break
        stairs = steep_stairs(values[before], values[node])
        if stairs is not None:
            found = before, stairs
        elif found is not None:
            break
    return found


def _sole_sources(recording: Recording, node: fx.Node, values: dict[fx.Node, Tensor]) -> Iterator[fx.Node]:
    """The nodes before of the same shape, with a gradient, through which alone the image comes to `node`, the nearest first."""
    earlier = list(takewhile(lambda before: before is not node, values))
    for before in reversed(earlier):
        alike = same_shape(before, node) and is_float(before)
        if alike and values[before].requires_grad and not _reaches(recording, node, around=before):
            yield before


def _has_step(recording: Recording, node: fx.Node, source: fx.Node, but: tuple[type[Quantizer], ...]) -> bool:
    """Whether a step with a surrogate, of another kind than those named, stands between `source` and `node`, which is none."""
    between = reached([node], lambda part: [before for before in recording.followed(part) if before is not source])
    steps = (recording.called(part) for part in between)
    return any(isinstance(step, Quantizer) and not isinstance(step, but) for step in steps)


def _reaches(recording: Recording, node: fx.Node, around: fx.Node) -> bool:
    """Whether the image comes to a node by a way around another one."""
    ways = reached([node], lambda part: recording.varying.intersection(part.all_input_nodes) - {around})
    return recording.given in ways
