"""Takes out of a recorded network what changes no value: detach, no_grad, copies, casts to what a value already is."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import fx

from bnnaudit.models.checkpoint.tracing.recording import Recording, example, op_of

DETACH = "detach"
NO_GRAD = "no_grad"
RANDOM = (
    *("rand", "normal", "bernoulli", "dropout", "native_dropout", "multinomial", "poisson", "exponential", "uniform"),
)
"""How the names of operators begin that draw random numbers."""
SILENT = frozenset(
    {"_assert_tensor_metadata", "_assert_async", "_has_compatible_shallow_copy_type", "sym_constrain_range"}
)


def clean(recording: Recording) -> None:
    """Leaves the values as they are; `notes` counts what cuts a gradient off."""
    recording.find_varying()
    _note_parts_without_gradient(recording)
    for node in list(recording.graph.nodes):
        if node.target is torch._C._set_grad_enabled or (op_of(node) in SILENT and not node.users):
            recording.graph.erase_node(node)
        elif op_of(node) == "type_as":
            _cast(recording, node)
        elif op_of(node) == "_native_batch_norm_legit_no_training":
            _normalization(recording, node)
        else:
            _pass_over(recording, node)
    _merge(recording)
    recording.tidied()
    recording.find_varying()


def _merge(recording: Recording) -> None:
    """Lets one node stand for all that compute the same, so that terms of a sum which are the same are seen to be."""
    known: dict[str, fx.Node] = {}
    for node in list(recording.graph.nodes):
        if node.op not in ("call_function", "get_attr") or op_of(node).startswith(RANDOM) or op_of(node).endswith("_"):
            continue
        key = repr((node.op, str(node.target), node.args, node.kwargs))
        first = known.setdefault(key, node)
        if first is not node:
            node.replace_all_uses_with(first)
            recording.graph.erase_node(node)


def _note_parts_without_gradient(recording: Recording) -> None:
    """Counts the parts under `no_grad`; recorded without gradients, each begins and ends by switching them off."""
    switched = [node.args[0] for node in recording.graph.nodes if node.target is torch._C._set_grad_enabled]
    parts = switched.count(False) - switched.count(True)
    if parts > 0:
        recording.notes[NO_GRAD] = (parts + 1) // 2


def _pass_over(recording: Recording, node: fx.Node) -> None:
    given = node.args[0] if node.args else None
    if not isinstance(given, fx.Node) or not _keeps(node, given):
        return
    if op_of(node).startswith("detach") and recording.varies(node):
        recording.notes[DETACH] += 1
    node.replace_all_uses_with(node.args[1] if op_of(node) == "copy" else given)  # type: ignore[arg-type]
    recording.graph.erase_node(node)


def _keeps(node: fx.Node, given: fx.Node) -> bool:
    """Whether a node's value is, to the bit, that of its first argument (of `copy`, its second)."""
    match op_of(node):
        case "detach" | "detach_" | "alias" | "lift_fresh" | "lift_fresh_copy":
            return True
        case "clone":
            return not node.kwargs.get("memory_format")
        case "copy":
            return isinstance(node.args[1], fx.Node) and _alike(node.args[1], given)
        case "dropout":
            return len(node.args) > 2 and node.args[2] is False
        case "_to_copy":
            return not set(node.kwargs) - {"dtype"} and _alike(node, given)
        case _:
            return False


def _alike(one: fx.Node, other: fx.Node) -> bool:
    first, second = example(one), example(other)
    return first is not None and second is not None and (first.shape, first.dtype) == (second.shape, second.dtype)


def _cast(recording: Recording, node: fx.Node) -> None:
    """type_as as a cast, which does not look at the numbers of what it takes the type of."""
    given, made = node.args[0], example(node)
    if not isinstance(given, fx.Node) or made is None:
        return
    if _alike(node, given):
        node.replace_all_uses_with(given)
    else:
        cast = recording.function(torch.ops.aten._to_copy.default, (given,), node, dtype=made.dtype)
        node.replace_all_uses_with(cast)


def _normalization(recording: Recording, node: fx.Node) -> None:
    """Batch normalisation of a served network as the function that users know, which can be differentiated in every mode."""
    values, weight, bias, mean, variance, momentum, eps = node.args
    for user in list(node.users):
        if op_of(user) == "getitem" and user.args[1] == 0:
            arguments = (values, mean, variance, weight, bias, False, momentum, eps)
            user.replace_all_uses_with(recording.function(F.batch_norm, arguments, user))
