"""What a training loop does for quantized layers beside its optimizer: annealing, clipping, statistics of the final network."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from bnnaudit.quantization.binarizers import BetaSchedule
from bnnaudit.quantization.layers import binary_layers, clip_latent_weights

PAPER = BetaSchedule()


def anneal(network: nn.Module, done: float, schedule: BetaSchedule = PAPER) -> None:
    """Sets beta of the annealed binarizers for the next step; to be called before each step.

    done: the fraction of all optimizer steps that have been taken, in [0, 1]. Nothing else is kept between steps, so
    training that goes on from a checkpoint needs no more than that.
    """
    beta = schedule.at(done)
    for layer in binary_layers(network):
        layer.beta = beta


def after_step(network: nn.Module) -> None:
    """Brings latent weights back into their range; to be called after each optimizer step."""
    clip_latent_weights(network)


@torch.no_grad()
def refresh_normalization(network: nn.Module, batches: Iterable[Tensor]) -> None:
    """Measures the running statistics of batch normalisations anew, with the weights as deployed; modes are left as they were.

    batches: images (N, ...) as the network takes them, a few thousand in all. To be called at the end of training with an
    annealed binarizer, whose weights were not yet binary when the statistics were gathered.
    """
    modes = {module: module.training for module in network.modules()}
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain average of all batches
        norm.train()
    try:
        for images in batches:
            network(images)
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
        for module, mode in modes.items():
            module.training = mode
