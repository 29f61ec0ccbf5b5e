"""What a network of foreign code does in one forward pass that its modules do not tell: steps, weights, softmax."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from bnnaudit.core.facts import OutputKind, QuantizerFact
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.quantization.interception import STEPS, Interception

PRODUCTS = (F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
FLOAT_BITS = 32
MOST_LEVELS = 256


@dataclass(frozen=True, slots=True)
class Observation:
    """One forward pass: its scores (N, d), the steps it called itself, the bits of its weights, its last softmax.

    weight_bits: the precision of most weights as they entered products, None where there were none. output: LOGITS
    unless the scores are the result of a softmax.
    """

    scores: Any
    steps: tuple[QuantizerFact, ...]
    weight_bits: int | None
    output: OutputKind


def observe(network: nn.Module, inputs: Tensor) -> Observation:
    """Runs the network once on inputs (N, *input_shape) and watches the functions that it calls."""
    try:
        recorder, scores = _run(network, inputs, True)
    except Exception:  # such as a call of numpy, which takes no tensor with a gradient; what is served has none
        recorder, scores = _run(network, inputs, False)
    call = recorder.softmax
    return Observation(
        scores=scores.detach() if isinstance(scores, Tensor) else scores,
        steps=tuple(recorder.steps),
        weight_bits=max(recorder.elements, key=lambda bits: recorder.elements[bits]) if recorder.elements else None,
        output=call.kind if call is not None and call.scores is scores else OutputKind.LOGITS,
    )


def _run(network: nn.Module, inputs: Tensor, gradients: bool) -> tuple[_Recorder, Any]:
    """One recorded pass, with or without gradients; the input is no leaf, so that it may be changed in place."""
    recorder = _Recorder(len(inputs))
    with warnings.catch_warnings(), torch.set_grad_enabled(gradients), followed(network, recorder.path), recorder:
        warnings.simplefilter("ignore")  # of a gradient that only this pass has
        scores = network(inputs.detach().clone().requires_grad_(gradients).clone())
    return recorder, scores


@torch.no_grad()
def bits_of_weights(weights: Tensor) -> int:
    """The bits that (out, ...) weights need: 1 for -s and +s in each output channel, 2 with a zero between them, at most 8
    for few levels in the whole tensor, else 32.
    """
    rows = weights.reshape(len(weights), -1)
    if rows.shape[1] == 1:
        rows = rows.reshape(1, -1)
    scale = rows.abs().amax(dim=1, keepdim=True).clamp_min(torch.finfo(rows.dtype).tiny)
    levels = len(torch.unique(rows / scale))
    if levels <= 3:
        return max(1, ceil(log2(levels)))
    levels = len(torch.unique(rows))
    return ceil(log2(levels)) if levels <= MOST_LEVELS and rows.numel() >= 8 * levels else FLOAT_BITS


class _Recorder(Interception):
    """Notes steps on what depends on the input, and the weights of products; values are as without it."""

    def __init__(self, batch: int) -> None:
        super().__init__(Surrogate())
        self.batch = batch
        self.path: list[str] = []
        self.steps: list[QuantizerFact] = []
        self.elements: dict[int, int] = {}

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        values = args[0] if args else named.get("input")
        caught = torch.is_grad_enabled() and isinstance(values, Tensor) and values.requires_grad
        result = super().__torch_function__(func, types, args, kwargs)
        if func in STEPS and (caught or self._inside_own_gradient(values)):
            op = STEPS[func].op
            levels = len(torch.unique(result.detach()))
            bits = max(1, ceil(log2(levels))) if op in ("sign", "sgn", "heaviside") else None
            name = op if caught else f"{op} (own surrogate)"
            self.steps.append(QuantizerFact((self.path and self.path[-1]) or "forward", name, bits))
        if func in PRODUCTS:
            weights = args[1] if len(args) > 1 else named["weight"]
            weights = getattr(weights, "value", weights)  # of a tensor that carries its scale, as those of Brevitas
            if isinstance(weights, Tensor):
                bits = bits_of_weights(weights.detach())
                self.elements[bits] = self.elements.get(bits, 0) + weights.numel()
        return result

    def _inside_own_gradient(self, values: object) -> bool:
        """Whether these are activations in the forward pass of the network's own autograd.Function, which runs without grad."""
        if torch.is_grad_enabled() or not isinstance(values, Tensor):
            return False
        return values.is_floating_point() and values.dim() > 1 and len(values) == self.batch


@contextmanager
def followed(network: nn.Module, path: list[str]) -> Iterator[None]:
    """Keeps in `path` the names of the modules that are running, the innermost last."""

    def leave(_module: nn.Module, _inputs: Any, _result: Any) -> None:
        path.pop()

    handles = []
    for name, module in network.named_modules():
        handles.append(module.register_forward_pre_hook(lambda _module, _inputs, name=name: path.append(name)))
        handles.append(module.register_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
