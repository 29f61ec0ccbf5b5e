"""What a network of foreign code does in one forward pass that its modules do not tell: steps, weights, softmax."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn

from bnnaudit.core.facts import LayerBits, OutputKind, QuantizerFact, layer_bits
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.models.weight_bits import bits_of
from bnnaudit.quantization.interception import STEPS, Interception
from bnnaudit.quantization.step_hooks import followed

PRODUCTS: dict[Callable[..., Any], int] = {
    **dict.fromkeys((F.linear, F.conv1d, F.conv2d, F.conv3d), 0),
    **dict.fromkeys((F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d), 1),
}
"""Functions that layers call with their weights, each with the weights' axis of output channels."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One forward pass: its scores (N, d), the steps it called itself, the bits of its weights, its last softmax.

    weight_layers: by the weights as they entered products. output: LOGITS unless the scores are the result of a softmax.
    """

    scores: Any
    steps: tuple[QuantizerFact, ...]
    weight_layers: tuple[LayerBits, ...]
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
        weight_layers=layer_bits(recorder.weights),
        output=call.kind if call is not None and call.scores is scores else OutputKind.LOGITS,
    )


def _run(network: nn.Module, inputs: Tensor, gradients: bool) -> tuple[_Recorder, Any]:
    """One recorded pass, with or without gradients; the input is no leaf, so that it may be changed in place."""
    recorder = _Recorder(len(inputs))
    with warnings.catch_warnings(), torch.set_grad_enabled(gradients), followed(network, recorder.path), recorder:
        warnings.simplefilter("ignore")  # of a gradient that only this pass has
        scores = network(inputs.detach().clone().requires_grad_(gradients).clone())
    return recorder, scores


class _Recorder(Interception):
    """Notes steps on what depends on the input, and the weights of products; values are as without it."""

    def __init__(self, batch: int) -> None:
        super().__init__(Surrogate())
        self.batch = batch
        self.path: list[str] = []
        self.steps: list[QuantizerFact] = []
        self.weights: list[int] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
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
                self.weights.append(bits_of(weights.detach().cpu().numpy(), PRODUCTS[func]))
        return result

    def _inside_own_gradient(self, values: object) -> bool:
        """Whether these are activations in the forward pass of the network's own autograd.Function, which runs without grad."""
        if torch.is_grad_enabled() or not isinstance(values, Tensor):
            return False
        return values.is_floating_point() and values.dim() > 1 and len(values) == self.batch
