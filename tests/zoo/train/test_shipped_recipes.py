"""Every recipe that is shipped: it is readable, and a few steps of it on stand-in images end in a network with all its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bnnaudit.config.card import Settings, settings_for
from bnnaudit.zoo.train.card import KINDS
from bnnaudit.zoo.train.publishing import read_digests
from bnnaudit.zoo.train.recipes import build_network, read_recipe
from bnnaudit.zoo.train.tables import Recipe
from bnnaudit.zoo.train.training import Surroundings, train
from tests.paths import SAMPLE_MODELS

RECIPES = sorted((SAMPLE_MODELS / "recipes").glob("*.toml"))
SHAPES = {"CIFAR": (32, 32, 3), "MNIST": (28, 28), "digits": (8, 8)}
SMALL = {"width": 8}
"""In place of the width of a GPU's networks; they are built as they are as well."""


def stand_in(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe on twelve random images, for two steps of it on the CPU."""
    shape = next(shape for word, shape in SHAPES.items() if word in recipe.data.name)
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {"y_train": np.arange(12) % 10, "y_test": np.arange(10)}
    arrays |= {
        f"x_{part}": draw.integers(0, 256, (n, *shape), dtype=np.uint8) for part, n in (("train", 12), ("test", 10))
    }
    np.savez(folder / "x.npz", **arrays)
    options = dict(recipe.architecture.options)
    if recipe.architecture.name not in ("cnn", "mlp"):
        options |= SMALL
    plan = recipe.training.model_copy(update={"epochs": 1, "batch_size": 6, "warmup": 0, "device": "cpu", "threads": 1})
    return recipe.model_copy(
        update={
            "architecture": recipe.architecture.model_copy(update={"options": options}),
            "data": recipe.data.model_copy(update={"source": str(folder / "x.npz"), "validation": 0}),
            "training": plan.model_copy(update={"patience": None}),
        }
    )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_few_steps(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    small = stand_in(recipe, tmp_path)
    if recipe.start is not None:
        clean = read_recipe(path.with_name(f"{recipe.start.weights.removesuffix('-latent.safetensors')}.toml"))
        train(stand_in(clean, tmp_path), tmp_path / "made")
    result = train(small, tmp_path / "made", Surroundings(file=path))
    made = {file.name for file in result.files}
    assert {f"{recipe.name}.{kind}" for kind in recipe.export.formats} <= made
    assert f"{recipe.name}.toml" in read_digests(tmp_path / "made" / "SHA256SUMS")
    card = settings_for(tmp_path / "made" / f"{recipe.name}.safetensors", Settings(), tmp_path)
    assert card.training.data == recipe.data.name
    assert card.training.adversarial is (recipe.adversarial is not None)
    named = next((kind for kind in ("BNN-WAQ", "BNN-WQ", "REF") if kind in path.stem.upper()), None)
    assert card.training.kind == named if named else card.training.kind not in KINDS.values()


@pytest.mark.parametrize("path", [path for path in RECIPES if path.stem.endswith("-full")], ids=lambda path: path.stem)
def test_networks_of_full_width_can_be_built(path: Path) -> None:
    with torch.device("meta"):
        network = build_network(read_recipe(path))
    assert sum(parameter.numel() for parameter in network.parameters()) > 10e6
