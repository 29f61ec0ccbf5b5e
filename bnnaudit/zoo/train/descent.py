"""Trains a network: shuffled batches, augmentation or adversarial images, steps of an optimizer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

import torch
from torch import Tensor, nn

from bnnaudit.core.batch import Batch
from bnnaudit.quantization.layers import clip_latent_weights
from bnnaudit.zoo.train.adversarial import adversarial_images
from bnnaudit.zoo.train.determinism import round_weights
from bnnaudit.zoo.train.recipes import AdversarialTable, Optimizer, Recipe, Schedule, TrainingTable

Progress = Callable[[int, int, float], None]
"""Told the number of epochs done, of epochs in all, and the mean loss of the last one."""


def descend(network: nn.Module, images: Tensor, labels: Tensor, recipe: Recipe, progress: Progress | None) -> None:
    """Trains the network in place on images (N, C, H, W) in [0, 1] of its own dtype; all randomness comes from the recipe."""
    plan, generator = recipe.training, torch.Generator().manual_seed(recipe.seed)
    optimizer = _optimizer(network, plan)
    round_weights(network)
    for epoch in range(plan.epochs):
        order = torch.randperm(len(labels), generator=generator)
        batches = [
            ids for ids in torch.split(order, plan.batch_size) if len(ids) > 1
        ]  # a normalisation cannot learn from one image
        total = 0.0
        for index, ids in enumerate(batches):
            rate = learning_rate(plan, (epoch + index / len(batches)) / plan.epochs)
            for group in optimizer.param_groups:
                group["lr"] = rate
            batch = Batch(shifted(images[ids], plan.shift, generator), labels[ids], ids)
            if recipe.adversarial is not None:
                batch = _attacked(network, batch, recipe.adversarial, epoch, recipe.seed * plan.epochs + epoch)
            total += _step(network, batch, optimizer, plan.label_smoothing)
        if progress:
            progress(epoch + 1, plan.epochs, total / len(labels))


def learning_rate(plan: TrainingTable, done: float) -> float:
    """The learning rate when the fraction `done` of all steps has been taken."""
    match plan.schedule:
        case Schedule.CONSTANT:
            return plan.learning_rate
        case Schedule.COSINE:
            return plan.learning_rate * (1 + math.cos(math.pi * done)) / 2
        case _:
            assert_never(plan.schedule)


def shifted(images: Tensor, pixels: int, generator: torch.Generator) -> Tensor:
    """Each image moved by up to `pixels` along both axes, black beyond the border (N, C, H, W)."""
    if pixels == 0:
        return images
    height, width = images.shape[2:]
    padded = nn.functional.pad(images, (pixels,) * 4)
    moves = torch.randint(2 * pixels + 1, (len(images), 2), generator=generator).tolist()
    moved = [image[:, y : y + height, x : x + width] for image, (y, x) in zip(padded, moves, strict=True)]
    return torch.stack(moved)


def _optimizer(network: nn.Module, plan: TrainingTable) -> torch.optim.Optimizer:
    match plan.optimizer:
        case Optimizer.ADAMW:
            return torch.optim.AdamW(network.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
        case Optimizer.SGD:
            return torch.optim.SGD(
                network.parameters(), plan.learning_rate, momentum=0.9, weight_decay=plan.weight_decay
            )
        case _:
            assert_never(plan.optimizer)


def _attacked(network: nn.Module, batch: Batch, table: AdversarialTable, epoch: int, seed: int) -> Batch:
    """The batch with adversarial images in place of its own."""
    share = min(1.0, (epoch + 1) / (table.warmup + 1))
    images = adversarial_images(network, batch, table.eps * share, table.steps, table.step_size * share, seed)
    return replace(batch, images=images.detach())


def _step(network: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer, label_smoothing: float) -> float:
    """One step; returns the loss summed over the batch."""
    network.train()
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(network(batch.images), batch.labels, label_smoothing=label_smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    clip_latent_weights(network)
    round_weights(network)
    return loss.item() * len(batch)
