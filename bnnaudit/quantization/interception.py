"""Surrogate gradients for networks that call sign and round in code of their own, not through our modules.

A user's `forward` may say `torch.sign(x)`, `x.round_()` and the like, whose gradient is zero. These calls are caught as
they are made and given the surrogate; their values stay the same to the bit. A straight-through estimator that the user
wrote as an `autograd.Function`, or with `detach`, keeps its own gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bnnaudit.core.facts import OutputKind
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.quantization.quantizers import UsesSurrogate
from bnnaudit.quantization.surrogates import Relaxation, round_step, sign_step


@dataclass(frozen=True, slots=True)
class StepFunction:
    """A function of torch whose derivative is zero almost everywhere: `op` is its plain name."""

    op: str
    in_place: bool


def _spellings() -> dict[Callable[..., Any], StepFunction]:
    """Every way to call each step: torch.sign, Tensor.sign, Tensor.sign_, and torch.sign_ where there is one."""
    table: dict[Callable[..., Any], StepFunction] = {}
    for op in ("sign", "sgn", "round", "floor", "ceil", "trunc", "fix", "heaviside"):
        for home in (torch, torch.Tensor):
            for suffix in ("", "_"):
                function = getattr(home, op + suffix, None)
                if function is not None:
                    table[function] = StepFunction(op, in_place=bool(suffix))
    return table


STEPS = _spellings()
SOFTMAXES = {
    getattr(home, name): kind
    for name, kind in (("softmax", OutputKind.SOFTMAX), ("log_softmax", OutputKind.LOG_SOFTMAX))
    for home in (F, torch, torch.special, torch.Tensor)
}


@dataclass(frozen=True, slots=True)
class SoftmaxCall:
    """The last softmax over classes that a forward pass took: what went in, what came out, and which kind it was."""

    logits: Tensor
    scores: Tensor
    kind: OutputKind


class Interception(TorchFunctionMode):
    """While it is active, steps on floating tensors pass gradients by `surrogate`, and the last softmax is remembered."""

    def __init__(self, surrogate: Surrogate) -> None:
        super().__init__()
        self.surrogate = surrogate
        self.softmax: SoftmaxCall | None = None

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        named = dict(kwargs or {})
        step = STEPS.get(func)
        if step is not None and torch.is_grad_enabled() and "out" not in named:
            values = args[0] if args else named.pop("input")
            if values.is_floating_point():
                return _stepped(step, values, args[1:], named, self.surrogate)
            named = dict(kwargs or {})
        result = func(*args, **named)
        if func in SOFTMAXES:
            self._remember(SOFTMAXES[func], args, named, result)
        return result

    def _remember(self, kind: OutputKind, args: Sequence[Any], named: Mapping[str, Any], result: Tensor) -> None:
        """Keeps a softmax over the classes of (N, d) scores."""
        logits = args[0] if args else named["input"]
        axis = args[1] if len(args) > 1 else named.get("dim")
        if logits.dim() == 2 and axis in (1, -1, None):
            self.softmax = SoftmaxCall(logits, result, kind)


class InterceptedNetwork(UsesSurrogate):
    """A network of foreign code, (N, ...) -> logits (N, d), run under an interception with its surrogate.

    `removes_softmax`: what the network's own last softmax was given is returned in place of its result.
    """

    def __init__(self, module: nn.Module, surrogate: Surrogate, removes_softmax: bool = False) -> None:
        super().__init__(surrogate)
        self.module = module
        self.removes_softmax = removes_softmax

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, *input_shape) -> (N, d)."""
        interception = Interception(self.surrogate)
        with interception:
            scores: Tensor = self.module(inputs)
        call = interception.softmax
        return call.logits if self.removes_softmax and call is not None and call.scores is scores else scores


def _stepped(
    step: StepFunction, values: Tensor, rest: Sequence[Any], named: Mapping[str, Any], surrogate: Surrogate
) -> Tensor:
    """The step's value with the surrogate's gradient, written back where the call was in place."""
    plain: Tensor = getattr(torch, step.op)(values.detach(), *rest, **named)
    given = values
    if step.in_place:  # the gradient is taken at what the step was given, which is about to be overwritten
        values = values.clone()
    match step.op:
        case "sign" | "sgn":
            result = sign_step(values, plain, surrogate)
        case "heaviside":  # a step of height 1, half that of the surrogate
            if isinstance(surrogate, Relaxation):
                result = (sign_step(values, plain, surrogate) + 1) / 2
            else:
                result = plain.detach() + sign_step(values, torch.zeros_like(values), surrogate) / 2
        case _:
            result = round_step(values, plain)
    return given.copy_(result) if step.in_place else result
