"""A module in memory as a Target: audited as it is, on a copy, so that the caller's own is never touched."""

from __future__ import annotations

import copy
import hashlib
from dataclasses import dataclass
from itertools import chain

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from bnnaudit.core.errors import ModelError, one_line
from bnnaudit.core.facts import ModelFormat
from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.checkpoint.load import Origin, target_from
from bnnaudit.models.checkpoint.replay import ModuleModel, as_served
from bnnaudit.models.checkpoint.torch_quantized import refuse_quantized

DIGEST = "of the name, type, shape and values of each tensor of the state dict, in the order of the names"
"""What the SHA-256 of a module is taken over."""
WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)
"""Modules that only spread another one over devices."""


@dataclass(frozen=True, slots=True, eq=False)
class GivenModule:
    """A module that the caller holds, under the name that reports give it."""

    module: nn.Module
    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def device(self) -> torch.device:
        """Where its first tensor is; the CPU where it has none."""
        return next((tensor.device for tensor in _tensors(self.module)), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """Of its first tensor of floats; single precision where it has none."""
        return next((one.dtype for one in _tensors(self.module) if one.is_floating_point()), torch.float32)


def load_module(
    given: GivenModule,
    input_shape: tuple[int, ...],
    preprocessing: Preprocessing,
    surrogate: Surrogate,
    device: torch.device,
    records: bool = True,
) -> Target:
    """The module as a Target; what it is itself, its modes, weights, gradients and hooks, stays as it is.

    The deployed model is a copy of it in eval mode, of its own precision and on its own device; the differentiable copy is in
    single precision on `device`. input_shape, records: as for a checkpoint. Raises ModelError for a module that cannot be
    copied or has no weights yet, CheckpointError for one that is no classifier of such inputs.
    """
    _refuse_unready(given)
    served = as_served(_copy_of(given))
    network = as_served(_copy_of(given)).float().cpu()
    version = torch.__version__.partition("+")[0]
    origin = Origin(
        given.name,
        sha256_of_state(given.module),
        ModelFormat.MODULE,
        f"the module itself, torch {version}",
        (("sha256", DIGEST),),
    )
    return target_from(
        network,
        origin,
        lambda prepare: ModuleModel(served, prepare, given.device, given.dtype),
        input_shape,
        preprocessing,
        surrogate,
        device,
        records,
    )


@torch.no_grad()
def sha256_of_state(module: nn.Module) -> str:
    """SHA-256 (hexadecimal) of a module's weights and buffers; `DIGEST` says how it is taken."""
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        if isinstance(value, Tensor):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _refuse_unready(given: GivenModule) -> None:
    if isinstance(given.module, torch.jit.ScriptModule):
        raise ModelError(f"{given}: is scripted or traced; give the module that it was made from, or its ONNX file")
    tensors = list(_tensors(given.module))
    if any(is_lazy(tensor) for tensor in tensors):
        raise ModelError(f"{given}: has lazy weights that no input has shaped yet; run one batch through it first")
    if any(tensor.is_meta for tensor in tensors):
        raise ModelError(f"{given}: its weights are on the meta device, which holds no values; load them first")
    refuse_quantized(given.name, given.module.state_dict())


@torch.no_grad()
def _copy_of(given: GivenModule) -> nn.Module:
    """A copy with weights of its own, of the module inside where it is wrapped for several devices."""
    module = given.module
    while isinstance(module, WRAPPERS):
        module = module.module
    # What a module computed itself, as weight_norm does, is no leaf, and deepcopy takes leaves only.
    computed = (
        value
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor) and not value.is_leaf
    )
    try:
        return copy.deepcopy(module, {id(value): value.detach().clone() for value in computed})
    except Exception as error:  # the module is the caller's code
        raise ModelError(
            f"{given}: cannot be copied ({type(error).__name__}: {one_line(error, 120)}), and an audit never works on the "
            "caller's own module; give one that copy.deepcopy takes, or its ONNX file"
        ) from error


def _tensors(module: nn.Module) -> chain[Tensor]:
    return chain(module.parameters(), module.buffers())
