"""From a recipe to the files of a trained network."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.file_name import shown
from bnnaudit.zoo.train.arithmetic import Arithmetic
from bnnaudit.zoo.train.checkpointing import resume
from bnnaudit.zoo.train.decoded_cache import OnDecoded
from bnnaudit.zoo.train.descent import Course, descend, starting_state
from bnnaudit.zoo.train.determinism import default_dtype, no_short_floats, reproducible
from bnnaudit.zoo.train.export import require_exporter
from bnnaudit.zoo.train.final_form import clean_accuracy, deployed, round_to_half
from bnnaudit.zoo.train.images import Split
from bnnaudit.zoo.train.keeping import EVERY, Keeper, LogLines, NoWatcher, Watcher, refused
from bnnaudit.zoo.train.publishing import Made, known_digests, publish
from bnnaudit.zoo.train.recipes import build_network, refuse_misfit, refuse_unfit
from bnnaudit.zoo.train.state import State
from bnnaudit.zoo.train.tables import ExportFormat, Recipe
from bnnaudit.zoo.train.teacher import found, load_weights, teacher_of, weights_of
from bnnaudit.zoo.train.training_data import load_split

BESIDES = ("description", "card", "export")
"""Parts of a recipe that no weight depends on: a checkpoint stays good when they change."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What training made. `clean_accuracy` is the deployed network's on all held-out images.

    network: the float32 one, also where the file is quantized after training.
    """

    network: nn.Module
    clean_accuracy: float
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a training run is given besides its recipe.

    file: the recipe's own, a copy of which goes beside the network. data_root: the folder of the data. on_decoded: called
    while images are decoded. stop: whether to end, asked between two steps. restart: a checkpoint is replaced rather than
    resumed. every: seconds between two checkpoints.
    """

    file: Path | None = None
    data_root: Path | None = None
    watcher: Watcher = field(default_factory=NoWatcher)
    on_decoded: OnDecoded | None = None
    stop: Callable[[], bool] = lambda: False
    restart: bool = False
    every: float = EVERY


ALONE = Surroundings()


def train(recipe: Recipe, output: Path, around: Surroundings = ALONE) -> TrainingResult:
    """Trains, from the last checkpoint where there is one, and writes the network's files into `output`.

    NAME.onnx and/or NAME.safetensors, the card NAME.toml, a copy of the recipe, NAME-log.jsonl, SHA256SUMS, and the test images
    (`keeps_images`): all or none. Until then NAME.checkpoint and NAME-unfinished.jsonl are there.
    The network depends on the recipe and the data alone. Raises UsageError where `output` is not a folder that can be written
    to, or holds something in the way, and TrainingInterruptedError where `stop` ended it.
    """
    if ExportFormat.ONNX in recipe.export.formats:
        require_exporter()  # before hours of training, not after them
    with refused(output):
        output.mkdir(parents=True, exist_ok=True)
    arithmetic = Arithmetic.of(recipe.training)
    split = load_split(recipe.data, around.data_root, around.on_decoded)
    refuse_unfit(recipe, split, recipe.name)
    with refused(output):
        known_digests(recipe, split, output)
    sources = _networks_named(recipe, output, around.file)
    digest = digest_of(recipe, split, sources)
    checkpoint = output / f"{recipe.name}.checkpoint"
    with reproducible(recipe.seed, recipe.training.threads, arithmetic.device):
        network = _untrained(recipe, split, sources, arithmetic)
        teacher = teacher_of(sources["teacher"], split, arithmetic) if "teacher" in sources else None
        course = Course(recipe, split, arithmetic, teacher)
        state = starting_state(network, course)
        if around.restart:
            with refused(output):
                checkpoint.unlink(missing_ok=True)
        resume(checkpoint, state, digest)
        head = _head(recipe, split, digest, arithmetic, around.file)
        log = output / f"{recipe.name}-unfinished.jsonl"
        keeper = Keeper(checkpoint, log, digest, head, around.watcher, around.stop, around.every)
        descend(state, course, keeper)
        keeper.keep(state)
        made = _finish(state, course, recipe.export.half)
        with refused(output):
            published = publish(recipe, made, LogLines(head, state.figures), output, around.file)
            for unfinished in (checkpoint, log):
                unfinished.unlink(missing_ok=True)
    return TrainingResult(made.network, published.clean_accuracy, published.files)


def digest_of(recipe: Recipe, split: Split, sources: Mapping[str, Path]) -> str:
    """SHA-256 of all that the trained weights depend on: recipe, data, and networks that are started or learnt from.

    What the recipe does not say is left out, so that a checkpoint stays good where another version knows more options.
    """
    parts = recipe.model_dump(mode="json", exclude=set(BESIDES), exclude_defaults=True)
    files = {role: [sha256_of(path), sha256_of(weights_of(path))] for role, path in sources.items()}
    text = json.dumps([parts, split.pixels_sha256 or split.sha256, files], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _networks_named(recipe: Recipe, output: Path, file: Path | None) -> dict[str, Path]:
    """The files of the networks that the recipe names: those trained into the same folder, or that lie beside the recipe."""
    folders = [output] if file is None else [output, file.parent, file.parent.parent]
    named = {}
    if recipe.start is not None:
        named["start"] = found(recipe.start.weights, folders, "start.weights")
    if recipe.distillation is not None:
        named["teacher"] = found(recipe.distillation.teacher, folders, "distillation.teacher")
    return named


def _untrained(recipe: Recipe, split: Split, sources: Mapping[str, Path], arithmetic: Arithmetic) -> nn.Module:
    """The network before the first step: fresh weights, or those of another network."""
    with default_dtype(arithmetic.dtype):
        network = build_network(recipe)
    refuse_misfit(network, split.train.shape, split.classes, recipe.name)
    if "start" in sources:
        load_weights(sources["start"], network)
    return network


def _head(recipe: Recipe, split: Split, digest: str, arithmetic: Arithmetic, file: Path | None) -> dict[str, object]:
    """The log's first line."""
    return {
        "recipe": recipe.name if file is None else shown(file.name),
        "recipe_sha256": None if file is None else sha256_of(file),
        "training_sha256": digest,
        "data": recipe.data.name,
        "data_sha256": split.sha256,
        "train_images": len(split.train),
        "test_images": len(split.test),
        "torch": torch.__version__.partition("+")[0],
        "device": _device_name(arithmetic.device),
        "precision": str(recipe.training.precision),
        "threads": recipe.training.threads,
    }


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({os.uname().machine})"


def _finish(state: State, course: Course, half: bool) -> Made:
    """The network as it is deployed, the best one where early ending kept it, with its clean accuracy in float32.

    half: its weights are those of float16.
    """
    if state.best is not None:
        state.network.load_state_dict(state.best.weights)
    recipe, split = course.recipe, course.split
    final = deployed(state.network, split.train, recipe, course.arithmetic)
    final = final.to(memory_format=torch.contiguous_format)
    if half:
        round_to_half(final)
    plain = Arithmetic(torch.float32, False, course.arithmetic.device, False)
    with no_short_floats():
        accuracy = clean_accuracy(final, split.test, recipe, plain)
    final = final.to("cpu")
    latent: dict[str, Tensor] = {name: tensor.cpu().contiguous() for name, tensor in state.network.state_dict().items()}
    epoch = state.epoch if state.best is None else state.best.epoch
    return Made(final, latent, split, accuracy, epoch)
