"""The network as it is deployed, and how often it is right."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from bnnaudit.quantization.binarizers import BetaSchedule
from bnnaudit.quantization.layers import binary_layers, deploy
from bnnaudit.quantization.weight_training import anneal, refresh_normalization
from bnnaudit.zoo.train.adversarial import adversarial_images
from bnnaudit.zoo.train.arithmetic import Arithmetic, Prepared
from bnnaudit.zoo.train.batches import Batches
from bnnaudit.zoo.train.images import Images, as_inputs
from bnnaudit.zoo.train.tables import TrainingPlan

LARGEST_HALF = torch.finfo(torch.float16).max
AT_ONCE = 500
"""Images in one pass without gradients. Not tuned."""
MEASURED = 8 * AT_ONCE
"""Images by which the statistics of normalisations are measured anew, in passes of one size, which count alike. Not tuned."""


@torch.no_grad()
def deployed(network: nn.Module, train: Images, recipe: TrainingPlan, arithmetic: Arithmetic) -> nn.Module:
    """A copy in float32 and eval mode with the weights that are deployed; the network is left as it was.

    Annealed weights become signs here, which training has not used. There the statistics of normalisations are measured anew, in
    float64 where training computed in it, so that they are the same everywhere.
    """
    twin = copy.deepcopy(network)
    if any(layer.binarizer.annealed for layer in binary_layers(twin)):
        anneal(twin, 1.0, BetaSchedule(recipe.binarizer.beta_start, recipe.binarizer.beta_end))
        unmixed = replace(arithmetic, mixed=False)
        whole = Prepared(twin, unmixed, recipe.data.mean, recipe.data.std)
        refresh_normalization(whole, _as_trained_on(whole, train, recipe, unmixed))
    return deploy(twin.float())


def _as_trained_on(whole: nn.Module, train: Images, recipe: TrainingPlan, arithmetic: Arithmetic) -> list[Tensor]:
    """Batches (N, C, H, W) such as training has them: classes mixed, whatever the order of the data, augmented, or adversarial.

    Both matter: with images sorted by class and not shifted, ResNets on CIFAR-10 lost 3 points of accuracy.
    """
    generator = torch.Generator().manual_seed(recipe.seed)
    count = min(MEASURED, len(train))
    order = torch.randperm(len(train), generator=generator)[: count - count % AT_ONCE or count]
    source, found = Batches(train, recipe.training, arithmetic), []
    for start in range(0, len(order), AT_ONCE):
        batch = source.batch(order[start : start + AT_ONCE], generator)
        if recipe.adversarial is not None:
            with torch.enable_grad():
                images = adversarial_images(whole, batch, recipe.adversarial, 1.0, recipe.seed)
            batch = replace(batch, images=images.detach())
        found.append(batch.images)
    return found


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Rounds the weights of convolutions and linear layers to float16, in place; larger ones to its largest."""
    for weight in network.parameters():
        if weight.dim() > 1:
            weight.copy_(weight.clamp(-LARGEST_HALF, LARGEST_HALF).half())


def exact(arithmetic: Arithmetic) -> Arithmetic:
    """The same device and order of axes, in float32 throughout, as networks are deployed."""
    return Arithmetic(torch.float32, False, arithmetic.device, arithmetic.channels_last)


def passes(images: Images) -> Iterator[tuple[Tensor, Tensor]]:
    """The images (N, C, H, W), float32 in [0, 1], and their classes, in parts that fit into memory."""
    for start in range(0, len(images), AT_ONCE):
        indices = np.arange(start, min(start + AT_ONCE, len(images)))
        yield as_inputs(images.read(indices)), torch.from_numpy(images.y[indices])


@torch.no_grad()
def clean_accuracy(network: nn.Module, images: Images, recipe: TrainingPlan, arithmetic: Arithmetic) -> float:
    """The fraction of images that a deployed network gets right."""
    whole = Prepared(network, exact(arithmetic), recipe.data.mean, recipe.data.std)
    device = arithmetic.device
    right = torch.zeros((), dtype=torch.int64, device=device)
    for inputs, labels in passes(images):
        right += (whole(inputs.to(device)).argmax(dim=1) == labels.to(device)).sum()
    return int(right) / len(images)
