"""From a recipe to the files of a trained network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import torch
from torch import Tensor, nn

from bnnaudit.core.errors import UsageError
from bnnaudit.quantization.layers import deploy
from bnnaudit.zoo.compiler_folder import no_compiler_folder
from bnnaudit.zoo.train.descent import Progress, descend
from bnnaudit.zoo.train.determinism import default_dtype, reproducible
from bnnaudit.zoo.train.digits import Images, load_digits_split
from bnnaudit.zoo.train.export import write_onnx, write_safetensors
from bnnaudit.zoo.train.publishing import record_digests, write_card, write_images
from bnnaudit.zoo.train.recipes import ExportFormat, Recipe, build_network

TRAINING_DTYPE = torch.float64
"""Processors differ in the last bits; in float64 that is too small to turn a sign, and `round_weights` takes it away."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training made. `clean_accuracy` is the deployed float32 network's on all held-out images."""

    network: nn.Module
    clean_accuracy: float
    files: tuple[Path, ...]


def train(recipe: Recipe, output: Path, progress: Progress | None = None) -> TrainingResult:
    """Trains on the CPU and writes NAME.onnx and/or NAME.safetensors, NAME.toml, the held-out images and SHA256SUMS.

    The result depends on the recipe alone. Raises UsageError where `output` is not a folder that can be written to.
    """
    split = load_digits_split(recipe.data.held_out, recipe.data.seed)
    images, labels = as_tensors(split.train)
    with no_compiler_folder(), reproducible(recipe.seed):
        with default_dtype(TRAINING_DTYPE):
            network = build_network(recipe)
        descend(network, images.to(TRAINING_DTYPE), labels, recipe, progress)
        deployed = deploy(network.float())
        accuracy = clean_accuracy(deployed, split.test)
        files = _write(recipe, deployed, tuple(images.shape[1:]), accuracy, split.test, output)
    return TrainingResult(deployed, accuracy, files)


def as_tensors(images: Images) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8), float32 in [0, 1], and labels (N,), as an audit reads them from the file."""
    return torch.from_numpy(images.x).float().div(255).unsqueeze(1), torch.from_numpy(images.y)


@torch.no_grad()
def clean_accuracy(network: nn.Module, images: Images) -> float:
    """The fraction of images that the network, in eval mode, gets right."""
    inputs, labels = as_tensors(images)
    return float((network(inputs).argmax(dim=1) == labels).double().mean())


def _write(
    recipe: Recipe, network: nn.Module, shape: tuple[int, ...], accuracy: float, test: Images, output: Path
) -> tuple[Path, ...]:
    """Writes all files of a network; returns the paths of models, card and images."""
    try:
        output.mkdir(parents=True, exist_ok=True)
        data, card = output / f"{recipe.data.name}-test.npz", output / f"{recipe.name}.toml"
        write_images(test, data)
        write_card(recipe, shape, data, accuracy, card)
        models = [_write_model(network, shape, output, recipe.name, kind) for kind in recipe.export.formats]
        record_digests(output, [*models, card, data])
    except OSError as error:
        raise UsageError(f"{output}: cannot be written to ({error.strerror}); name another folder") from error
    return (*models, card, data)


def _write_model(network: nn.Module, shape: tuple[int, ...], folder: Path, name: str, kind: ExportFormat) -> Path:
    path = folder / f"{name}.{kind}"
    match kind:
        case ExportFormat.ONNX:
            write_onnx(network, shape, path)
        case ExportFormat.SAFETENSORS:
            write_safetensors(network, path)
        case _:
            assert_never(kind)
    return path
