"""A PyTorch network as deployed: the module itself, without surrogates or gradients."""

from __future__ import annotations

import contextlib
import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bnnaudit.core.target import Preparation

CPU = torch.device("cpu")
CHUNK = 256
"""Images that are replayed at a time. Not tuned; it changes no result but for the last bits of sums."""


def copied(network: nn.Module) -> nn.Module:
    """A copy with weights of its own; the network itself where it holds what cannot be copied, as a compiled function."""
    try:
        return copy.deepcopy(network)
    except Exception:  # the network is the user's code
        return network


def as_served(network: nn.Module) -> nn.Module:
    """The network, changed to eval mode and without gradients of its weights.

    The observers of quantization-aware training are switched off: a served network learns nothing more.
    """
    network = network.requires_grad_(False)
    with contextlib.suppress(NotImplementedError):  # an exported program is in the mode that it was exported in
        network.eval()
    for module in network.modules():
        held = dict(module.named_buffers(recurse=False))
        if "observer_enabled" in held and "fake_quant_enabled" in held:
            held["observer_enabled"].zero_()
    return network


@dataclass(frozen=True, slots=True, eq=False)
class ModuleModel:
    """Runs the module that was served; its result is returned unchanged, softmax included.

    device, dtype: what the module takes. The images are prepared on the CPU in single precision all the same.
    """

    network: nn.Module
    prepare: Preparation
    device: torch.device = CPU
    dtype: torch.dtype = torch.float32

    def __call__(self, images: Tensor) -> Tensor:
        """Scores (N, d) float32 on the CPU of images (N, C, H, W) or (N, features) in the network's range."""
        # Networks that reshape to (N, -1) take no empty batch, so one of a single image tells the number of classes.
        known = images.detach().cpu().float() if len(images) else torch.zeros(1, *images.shape[1:])
        with torch.no_grad():
            parts = [
                self.network(self.prepare(part.clone()).to(self.device, self.dtype).contiguous())
                for part in torch.split(known, CHUNK)
            ]  # the network may write into what it is given, and view() it
        return torch.cat(parts)[: len(images)].float().cpu()
