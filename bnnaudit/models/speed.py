"""The differentiable copy as quick as it can be had without computing anything else than the model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bnnaudit.models.batch_norm_folding import with_folded_normalization
from bnnaudit.models.channels_last import put_channels_last
from bnnaudit.quantization.layers import deploy

TRIED = 2
"""Inputs on which the speed_up network has to agree with the network."""


def speed_up(network: nn.Module, inputs: Tensor, quantized: bool, device: torch.device) -> nn.Module:
    """The network (in eval mode, on the CPU), which is taken over, with the same scores up to rounding.

    Binary weights are computed once; normalization is folded where no quantizer could turn its rounding into a flipped
    sign; on the CPU weights lie channels last. inputs (N, *input_shape): a few on which the scores have to agree.
    """
    tried = inputs[:TRIED]
    network = deploy(network).requires_grad_(False)
    if not quantized:
        network = with_folded_normalization(network, tried)
    if device.type == "cpu":
        put_channels_last(network, tried)
    return network
