"""A user's network as recorded operators with surrogates: the same values, and a gradient however its steps are written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from io import StringIO
from math import ceil, log2
from typing import Any

import torch
from torch import Tensor, nn

from bnnaudit.core.facts import OperatorCount, QuantizerFact
from bnnaudit.models.checkpoint.tracing.binarizations import recognise_binarizations
from bnnaudit.models.checkpoint.tracing.cancelling_sums import telescope
from bnnaudit.models.checkpoint.tracing.capture import CaptureError, CaptureMode, capture
from bnnaudit.models.checkpoint.tracing.cleaning import clean
from bnnaudit.models.checkpoint.tracing.layers import name_layers
from bnnaudit.models.checkpoint.tracing.measured import measure_steps
from bnnaudit.models.checkpoint.tracing.mixed_precision import MixedPrecision, autocast_devices, precision_kept
from bnnaudit.models.checkpoint.tracing.recording import Recording, op_of
from bnnaudit.models.checkpoint.tracing.roundings import recognise_roundings, write_clips
from bnnaudit.models.onnx.network import FixedBatch
from bnnaudit.quantization.quantizers import Quantizer, TernarySign
from bnnaudit.quantization.step_hooks import removing

TOGETHER = 16
"""Images that a network recorded for one number of them is run on at once; not tuned."""
SIZES = (1, 3)
"""Batches on which the copy is held against the network, beside all inputs at once."""
CLOSE = 1e-5
"""Share of the scores' size that another order of the same sums may change. Not tuned."""
SOFTMAXES = ("softmax", "_softmax", "log_softmax", "_log_softmax")


@dataclass(frozen=True, slots=True)
class Traced:
    """The copy, its steps in the order in which they run, what cut gradients off, and where one still ends.

    images: how many it takes at once, None for any number. logits: whether a last softmax was taken off.
    """

    network: nn.Module
    quantizers: tuple[QuantizerFact, ...]
    cuts: tuple[OperatorCount, ...]
    unseen: tuple[str, ...]
    images: int | None = None
    logits: bool = False


def trace(network: nn.Module, inputs: Tensor, removes_softmax: bool = False) -> Traced:
    """The network (in eval mode) recorded and made differentiable, for any number of images if possible.

    inputs (N, *input_shape): images, on which the copy has to agree with the network, one by one and together.
    removes_softmax: the scores are what a last softmax is given. Raises CaptureError where no copy agrees.
    """
    reasons: list[CaptureError] = []
    for way in CaptureMode:
        try:
            with precision_kept(frozenset({"cpu", inputs.device.type})):
                return _traced(network, inputs, removes_softmax, way)
        except CaptureError as error:
            reasons.append(error)
    raise reasons[0]


def _traced(network: nn.Module, inputs: Tensor, removes_softmax: bool, way: CaptureMode) -> Traced:
    images = TOGETHER if way is CaptureMode.FIXED_BATCH else None
    repeated = inputs if images is None else inputs[torch.arange(images, device=inputs.device) % len(inputs)]
    recording = Recording(capture(network, repeated, way))
    try:
        unseen = _rewrite(recording, repeated)
        quantizers = tuple(_facts(recording, repeated))
        copy = _finished(recording, images)
        check_agreement(network, copy, inputs)
        logits = removes_softmax and _remove_softmax(recording)
        copy = _finished(recording, images) if logits else copy
    except CaptureError:
        raise
    except Exception as error:  # the graph is of foreign code: what it may hold nobody knows
        raise CaptureError(f"its recorded operators cannot be run ({type(error).__name__}: {error})") from error
    cuts = tuple(OperatorCount(name, count) for name, count in recording.notes.items())
    return Traced(copy, quantizers, cuts, unseen, images, logits)


def _rewrite(recording: Recording, inputs: Tensor) -> tuple[str, ...]:
    """Gives every step its surrogate; the operators at which the gradient still ends."""
    if recording.result is None:
        raise CaptureError("it returns something other than one tensor")
    clean(recording)
    telescope(recording)
    write_clips(recording)
    recognise_binarizations(recording)
    recognise_roundings(recording)
    unseen = measure_steps(recording, inputs)
    name_layers(recording)
    _cut_ready_made(recording)
    return unseen


def _cut_ready_made(recording: Recording) -> None:
    """Spares autograd the arithmetic whose result is only handed on."""
    relevant = recording.relevant()
    for node in list(recording.graph.nodes):
        if node not in relevant and recording.varies(node) and node.op != "output":
            for before in node.all_input_nodes:
                if before in relevant:
                    cut = recording.function(torch.ops.aten.detach.default, (before,), node)
                    node.replace_input_with(before, cut)


def _finished(recording: Recording, images: int | None) -> nn.Module:
    for node in recording.graph.nodes:
        node.meta = {}  # examples that cannot be copied
    recording.graph.lint()
    recording.module.delete_all_unused_submodules()
    recording.module.recompile()
    network: nn.Module = recording.module.eval().requires_grad_(False)
    devices = autocast_devices(recording.graph)
    network = MixedPrecision(network, devices) if devices else network
    return network if images is None else FixedBatch(network, images)


def _remove_softmax(recording: Recording) -> bool:
    """Takes off a last softmax over the classes; False where there is none."""
    result = recording.result
    if result is None or op_of(result) not in SOFTMAXES or result.args[1] not in (1, -1):
        return False
    result.replace_all_uses_with(result.args[0])  # type: ignore[arg-type]
    recording.tidied()
    return True


def _facts(recording: Recording, inputs: Tensor) -> Iterator[QuantizerFact]:
    """The steps by the names of the modules that take them; a sign's bits by the levels that are seen."""
    levels: dict[nn.Module, int] = {}

    def count(module: nn.Module, _given: Any, made: Tensor) -> None:
        levels[module] = len(torch.unique(made))

    followed = recording.relevant()
    called = ((node, recording.called(node)) for node in recording.graph.nodes if node in followed)
    steps = [(node, step) for node, step in called if isinstance(step, Quantizer)]
    handles = [step.register_forward_hook(count) for _, step in steps if isinstance(step, TernarySign)]
    recording.module.recompile()
    with torch.no_grad(), removing(handles):
        recording.module(inputs)
    for node, step in steps:
        bits = max(1, ceil(log2(levels[step]))) if step in levels else step.bits
        yield QuantizerFact(recording.path(node) or "forward", step.op, bits)


@torch.no_grad()
def check_agreement(network: nn.Module, copy: nn.Module, inputs: Tensor) -> None:
    """Raises CaptureError unless both give the same scores for inputs (N, ...), in batches of any size.

    The same classes, and scores that differ by no more than the order of sums explains. What draws random numbers draws
    the same ones.
    """
    mixed = (inputs + 3 * inputs.roll(1, 0)) / 4  # others than those that the copy was recorded with
    for batch in (*(inputs[:size] for size in SIZES), inputs, inputs.flip(0), mixed):
        expected, found = _seeded(network, batch), _seeded(copy, batch)
        alike = found.shape == expected.shape and bool((found.argmax(1) == expected.argmax(1)).all())
        tolerance = CLOSE * float(expected.nan_to_num(0, 0, 0).abs().amax()) if len(expected) else 0.0
        if not alike or not torch.allclose(found, expected, rtol=CLOSE, atol=tolerance, equal_nan=True):
            raise CaptureError(f"its recorded operators give different scores for {len(batch)} images")


def _seeded(network: nn.Module, inputs: Tensor) -> Tensor:
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    # A recorded graph that fails prints its own source to stderr.
    with torch.random.fork_rng(devices), redirect_stderr(StringIO()):
        torch.manual_seed(0)
        scores: Tensor = network(inputs)
    return scores
