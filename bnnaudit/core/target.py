"""The audited model in its two forms: a differentiable copy to attack, and the model as deployed to replay on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import torch
from torch import Tensor, nn

from bnnaudit.core.facts import ChannelOrder, Layout, ModelFacts
from bnnaudit.core.serving import ServeAs


class Deployed(Protocol):
    """The model as it is served."""

    def __call__(self, images: Tensor) -> Tensor:
        """Scores (N, d) float32 on the CPU, as the deployed model returns them, for images in the network's range."""
        ...


@dataclass(frozen=True, slots=True)
class Preparation:
    """From an image in the network's range to the network's own input: n = (x - mean) / std, then layout and shape.

    images (N, C, H, W) or (N, features) -> (N, *input_shape). `mean` and `std` have one value per channel, in the units of
    the range and in the network's order of `channels`, or are empty. The differentiable copy and the deployed one share it,
    so both see the same bits.
    """

    input_shape: tuple[int, ...]
    layout: Layout
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channels: ChannelOrder = ChannelOrder.RGB

    def __call__(self, images: Tensor) -> Tensor:
        values = self.normalised(images)
        if self.layout is Layout.NHWC and values.dim() == 4:
            values = values.permute(0, 2, 3, 1)
        return values.reshape(len(images), *self.input_shape)

    def normalised(self, images: Tensor) -> Tensor:
        """Images with the network's order of channels, mean and std; still (N, C, H, W) or (N, features)."""
        values = self._reordered(images)
        if not (self.mean or self.std):
            return values
        mean, std = self._mean_and_std(values)
        return (values - mean) / std

    def restored(self, normalised: Tensor) -> Tensor:
        """The images of which `normalised` makes these values, to float noise."""
        if not (self.mean or self.std):
            return self._reordered(normalised)
        mean, std = self._mean_and_std(normalised)
        return self._reordered(normalised * std + mean)

    def _mean_and_std(self, values: Tensor) -> tuple[Tensor, Tensor]:
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        axes, dtype, device = values.dim(), values.dtype, values.device
        return _per_channel(mean, axes, dtype, device), _per_channel(std, axes, dtype, device)

    def _reordered(self, images: Tensor) -> Tensor:
        """Red and blue swapped where the network takes blue first; twice is nothing."""
        return images.flip(1) if self.channels is ChannelOrder.BGR else images


@lru_cache(maxsize=64)
def _per_channel(values: tuple[float, ...], axes: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The values along the second of so many axes; kept, so that no pass waits for their way to the device."""
    return torch.tensor(values, dtype=dtype, device=device).view(1, -1, *(1,) * (axes - 2))


@dataclass(frozen=True, slots=True)
class Target:
    """A model under audit; never changed by an attack.

    `network` maps the network's own input (N, *input_shape) to logits (N, d); its weights are frozen, it is in eval mode,
    and its quantizers pass gradients by the surrogate it was built with. `deployed` takes images, not network inputs.
    `default_session` opens the model in its runtime without options, where that may answer otherwise than `deployed`; `serve_as`
    says which of the two count.
    Where `facts.scores` names a tensor upstream of the output `network` returns that one, and `whole` is the network to its
    output; `rounded` then returns the last tensor that is a multiple of that one but for rounding, where there is one.
    """

    network: nn.Module
    prepare: Preparation
    deployed: Deployed
    facts: ModelFacts
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    default_session: Callable[[], Deployed] | None = None
    whole: nn.Module | None = None
    rounded: nn.Module | None = None
    serve_as: ServeAs = ServeAs.ANY

    def logits(self, images: Tensor) -> Tensor:
        """Differentiable logits (N, d) of images (N, C, H, W) in the network's range."""
        logits: Tensor = self.network(self.prepare(images)) if len(images) else self._of_none(images)
        return logits

    def outputs(self, images: Tensor) -> Tensor:
        """What the differentiable copy returns (N, d) for the deployed model's output, a softmax left off."""
        network = self.network if self.whole is None else self.whole
        outputs: Tensor = network(self.prepare(images)) if len(images) else self._of_none(images)
        return outputs

    def _of_none(self, images: Tensor) -> Tensor:
        """(0, d) of no images, which networks that reshape to (N, -1) do not take."""
        return images.sum() * images.new_zeros(0, self.facts.num_classes)
