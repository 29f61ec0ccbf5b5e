"""Modules whose steps show only in their values, in a network that cannot be recorded."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from bnnaudit.core.facts import QuantizerFact
from bnnaudit.models.checkpoint.tracing.measured import stairs_between
from bnnaudit.quantization.quantizers import Quantizer
from bnnaudit.quantization.recorded_steps import RecordedRounding
from bnnaudit.quantization.step_hooks import removing

OWN = (
    "torch.nn.modules.",
    "bnnaudit.",
    *(f"torchvision.models.{name}." for name in ("densenet", "mobilenetv2", "resnet", "vgg")),
    "torchvision.ops.misc.",
)
"""Where modules come from whose gradient is known to be right; those of torchvision are what the built-in networks consist of."""


class MeasuredModule(nn.Module):
    """A module that keeps its values and gets the gradient of a step."""

    def __init__(self, module: nn.Module, step: Quantizer) -> None:
        super().__init__()
        self.module, self.step = module, step

    def forward(self, values: Tensor) -> Tensor:
        """(N, ...) -> (N, ...) of the same shape."""
        with torch.no_grad():
            plain = self.module(values.detach())
        result: Tensor = self.step(values, plain.to(values.dtype))
        return result


def is_known(module: nn.Module) -> bool:
    """Whether a module, apart from those inside it, is of a kind whose steps and gradient are known."""
    changed = "forward" in vars(module) or module._forward_hooks or module._forward_pre_hooks
    return not changed and f"{type(module).__module__}.".startswith(OWN)


def with_measured_steps(network: nn.Module, inputs: Tensor) -> tuple[nn.Module, tuple[QuantizerFact, ...]]:
    """A copy in which foreign modules that keep their input's shape and return no gradient are steps.

    Stairs where their values are seen to be some, else passed straight through. inputs (N, *input_shape).
    """
    twin = copy.deepcopy(network)
    found = list(_steps(twin, inputs))
    for name, step in found:
        parent, _, leaf = name.rpartition(".")
        setattr(twin.get_submodule(parent), leaf, MeasuredModule(twin.get_submodule(name), step))
    return twin, tuple(QuantizerFact(name, step.op, step.bits) for name, step in found)


def _steps(network: nn.Module, inputs: Tensor) -> Iterator[tuple[str, Quantizer]]:
    inner: set[str] = set()
    for name, (given, made) in reversed(_calls(network, inputs).items()):
        if any(held.startswith(f"{name}.") for held in inner):
            continue
        stairs = stairs_between(given, made)
        if stairs is not None or not _passes_gradient(network.get_submodule(name), given):
            inner.add(name)
            yield name, RecordedRounding("unknown step") if stairs is None else stairs


def _calls(network: nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What every foreign module, in the order of names, is first given and makes: one float tensor of another of its shape."""
    calls: dict[str, tuple[Tensor, Tensor]] = {}

    def note(name: str, given: tuple[Any, ...], made: Any) -> None:
        first = given[0] if len(given) == 1 else None
        if not isinstance(first, Tensor) or not isinstance(made, Tensor) or name in calls:
            return
        if first.is_floating_point() and made.is_floating_point() and first.shape == made.shape:
            calls[name] = first.detach().clone(), made.detach().clone()

    handles = [
        module.register_forward_hook(lambda _module, given, made, name=name: note(name, given, made))
        for name, module in network.named_modules()
        if name and not is_known(module) and not isinstance(module, torch.jit.ScriptModule)  # which takes no hooks
    ]
    with torch.no_grad(), removing(handles):
        network(inputs)
    return dict(sorted(calls.items()))


def _passes_gradient(module: nn.Module, given: Tensor) -> bool:
    values = given.clone().requires_grad_()
    try:
        with torch.enable_grad():
            made = module(values.clone())
            if not made.requires_grad:
                return False
            (gradient,) = torch.autograd.grad(made.sum(), values, allow_unused=True)
    except Exception:  # the module is the user's code
        return False
    return gradient is not None and bool(gradient.any())
