"""How training computes: in which precision, on which device, in which order of axes in memory."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bnnaudit.core.errors import UsageError
from bnnaudit.core.facts import Layout
from bnnaudit.core.target import Preparation
from bnnaudit.zoo.train.tables import Precision, TrainingTable


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """dtype: of weights and inputs. mixed: whether autocast computes convolutions and products in bfloat16.

    channels_last: whether pictures lie in memory with their channels together, which is faster and rounds differently.
    """

    dtype: torch.dtype
    mixed: bool
    device: torch.device
    channels_last: bool

    @classmethod
    def of(cls, plan: TrainingTable) -> Arithmetic:
        """As the recipe says; raises UsageError for a device that is not there."""
        exact = plan.precision is Precision.FLOAT64
        dtype = torch.float64 if exact else torch.float32
        return cls(dtype, plan.precision is Precision.BFLOAT16, _device(plan.device), not exact)

    def placed(self, network: nn.Module) -> nn.Module:
        """The network on its device, its weights in the order of axes that is used."""
        moved: nn.Module = network.to(self.device)
        return moved.to(memory_format=torch.channels_last) if self.channels_last else moved

    def images(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in [0, 1] as training computes with them."""
        values = images.to(self.device, self.dtype)
        return values.contiguous(memory_format=torch.channels_last) if self.channels_last else values

    def casting(self) -> AbstractContextManager[Any]:
        """Autocast where precision is mixed."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.mixed else nullcontext()


class Prepared(nn.Module):
    """A network behind its normalisation, which computes as training does: images in [0, 1] to logits in `dtype`."""

    def __init__(
        self, network: nn.Module, arithmetic: Arithmetic, mean: tuple[float, ...], std: tuple[float, ...]
    ) -> None:
        super().__init__()
        self.network = network
        self.arithmetic = arithmetic
        self.mean, self.std = mean, std

    def forward(self, images: Tensor) -> Tensor:
        """(N, C, H, W) in [0, 1] -> (N, classes)."""
        arithmetic = self.arithmetic
        prepare = Preparation(tuple(images.shape[1:]), Layout.NCHW, self.mean, self.std)
        values = prepare.normalised(images)
        if arithmetic.channels_last:
            values = values.contiguous(memory_format=torch.channels_last)
        with arithmetic.casting():
            scores: Tensor = self.network(values)
        return scores.to(arithmetic.dtype)


def _device(name: str) -> torch.device:
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise UsageError(f"training.device: {name} is not there; name cpu, or auto for a GPU where there is one")
    return torch.device("cuda" if name == "auto" else name)
