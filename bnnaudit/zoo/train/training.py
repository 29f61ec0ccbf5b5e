"""From a recipe to the files of a trained network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import torch
from torch import Tensor, nn

from bnnaudit.core.errors import UsageError
from bnnaudit.core.part_files import part_beside
from bnnaudit.core.replacing import replace_together
from bnnaudit.quantization.layers import deploy
from bnnaudit.zoo.train.descent import Progress, descend
from bnnaudit.zoo.train.determinism import default_dtype, reproducible
from bnnaudit.zoo.train.digits import Images, load_digits_split
from bnnaudit.zoo.train.export import write_onnx, write_safetensors
from bnnaudit.zoo.train.publishing import DIGESTS, read_digests, write_card, write_digests, write_images
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

    All of them or none: what was there is replaced when everything is made. The result depends on the recipe alone. Raises
    UsageError where `output` is not a folder that can be written to, or holds what is in the way.
    """
    known = _known_digests(recipe, output)
    split = load_digits_split(recipe.data.held_out, recipe.data.seed)
    images, labels = as_tensors(split.train)
    with reproducible(recipe.seed):
        with default_dtype(TRAINING_DTYPE):
            network = build_network(recipe)
        descend(network, images.to(TRAINING_DTYPE), labels, recipe, progress)
        deployed = deploy(network.float())
        accuracy = clean_accuracy(deployed, split.test)
        files = _write(recipe, deployed, tuple(images.shape[1:]), accuracy, split.test, known, output)
    return TrainingResult(deployed, accuracy, files)


def as_tensors(images: Images) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 8, 8), float32 in [0, 1], and labels (N,), as an audit reads them from the file."""
    return torch.from_numpy(images.x).float().div(255).unsqueeze(1), torch.from_numpy(images.y)


@torch.no_grad()
def clean_accuracy(network: nn.Module, images: Images) -> float:
    """The fraction of images that the network, in eval mode, gets right."""
    inputs, labels = as_tensors(images)
    return float((network(inputs).argmax(dim=1) == labels).double().mean())


def written_names(recipe: Recipe) -> tuple[str, ...]:
    """The files that a recipe makes: models, images, card, and at last the list of their digests."""
    models = (_model_name(recipe, kind) for kind in recipe.export.formats)
    return (*dict.fromkeys(models), _data_name(recipe), _card_name(recipe), DIGESTS)


def _known_digests(recipe: Recipe, output: Path) -> Mapping[str, str]:
    """Those of the files that are there already.

    Raises UsageError where something is in the way: a folder, a pipe, or weights that the new card would not be about.
    """
    try:
        for name in written_names(recipe):
            if os.path.lexists(output / name) and not (output / name).is_file():
                raise UsageError(
                    f"{output / name}: not a file, so it is not replaced; remove it, or name another folder"
                )
        for kind in set(ExportFormat) - set(recipe.export.formats):
            other = output / _model_name(recipe, kind)
            if other.exists():
                raise UsageError(
                    f"{other}: the new card {_card_name(recipe)} would be taken for its own; remove it, add {kind} to "
                    "export.formats, or name another folder"
                )
        path = output / DIGESTS
        return read_digests(path) if path.exists() else {}
    except OSError as error:
        raise _unwritable(output, error) from error


def _write(
    recipe: Recipe,
    network: nn.Module,
    shape: tuple[int, ...],
    accuracy: float,
    test: Images,
    known: Mapping[str, str],
    output: Path,
) -> tuple[Path, ...]:
    """Writes all files of a network; returns the paths of models, card and images."""
    data, card = _data_name(recipe), _card_name(recipe)
    models = [_model_name(recipe, kind) for kind in dict.fromkeys(recipe.export.formats)]
    try:
        output.mkdir(parents=True, exist_ok=True)
        with part_beside(output / recipe.name) as made:
            made.mkdir()
            write_images(test, made / data)
            write_card(recipe, shape, made / data, accuracy, made / card)
            for kind in dict.fromkeys(recipe.export.formats):
                _write_model(network, shape, made / _model_name(recipe, kind), kind)
            write_digests(known, [made / name for name in (*models, card, data)], made / DIGESTS)
            replace_together(made, output, written_names(recipe), speaking=card)
    except OSError as error:
        raise _unwritable(output, error) from error
    return tuple(output / name for name in (*models, card, data))


def _unwritable(output: Path, error: OSError) -> UsageError:
    return UsageError(f"{output}: cannot be written to ({error.strerror}); name another folder")


def _model_name(recipe: Recipe, kind: ExportFormat) -> str:
    return f"{recipe.name}.{kind}"


def _card_name(recipe: Recipe) -> str:
    return f"{recipe.name}.toml"


def _data_name(recipe: Recipe) -> str:
    return f"{recipe.data.name}-test.npz"


def _write_model(network: nn.Module, shape: tuple[int, ...], path: Path, kind: ExportFormat) -> None:
    match kind:
        case ExportFormat.ONNX:
            write_onnx(network, shape, path)
        case ExportFormat.SAFETENSORS:
            write_safetensors(network, path)
        case _:
            assert_never(kind)
