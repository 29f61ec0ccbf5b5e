"""Reads recipes: TOML files that decide what a network becomes in training."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from bnnaudit.core.errors import DataError, SettingsError, one_line
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.digits import CLASSES, SHAPE
from bnnaudit.zoo.train.images import Split
from bnnaudit.zoo.train.tables import ArchitectureTable, Recipe
from bnnaudit.zoo.train.training_data import DIGITS

MOST_PROBLEMS = 20
"""That are named at once. Not tuned."""


def read_recipe(path: Path) -> Recipe:
    """The recipe in a TOML file; raises one SettingsError that names every problem."""
    try:
        values = read_toml(path)
    except FileNotFoundError:
        raise SettingsError(f"{path}: no such recipe; give the path of a TOML file") from None
    except TomlError as error:
        raise SettingsError(f"{path}: not a readable TOML file ({error})") from error
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        raise SettingsError(f"{path}: {'; '.join(problems_of(error))}") from None
    network = build_network(recipe, str(path))
    if recipe.data.source == DIGITS:  # of other data the shape is known once they are read
        refuse_misfit(network, SHAPE, CLASSES, str(path))
    return recipe


def build_network(recipe: Recipe, where: str = "recipe") -> nn.Module:
    """The untrained network; raises SettingsError, naming `where`, for a name or options that do not exist or do not fit."""
    return network_of(recipe.architecture, where)


def network_of(table: ArchitectureTable, where: str) -> nn.Module:
    """The same, for the table of a recipe or a card."""
    name, options = table.name, table.options
    if name not in ARCHITECTURES:
        raise SettingsError(f"{where}: architecture.name: {name!r} is not one of {', '.join(sorted(ARCHITECTURES))}")
    builder = ARCHITECTURES[name]
    known = inspect.signature(builder).parameters
    unknown = [f"unknown key architecture.options.{option[:80]}" for option in options if option not in known][
        :MOST_PROBLEMS
    ]
    if unknown:
        raise SettingsError(f"{where}: {'; '.join(unknown)}; {name} takes {', '.join(known)}")
    try:
        network = builder(**options)
    except (TypeError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise SettingsError(f"{where}: architecture.options: {one_line(error, 200)}") from error
    return network


def refuse_misfit(network: nn.Module, image: tuple[int, ...], classes: int, where: str) -> None:
    """Raises SettingsError where the network does not take images (C, H, W) of the data, or has not the data's classes."""
    shape = "x".join(str(length) for length in image)
    try:
        with torch.no_grad():
            scores = network.eval()(torch.zeros(1, *image, dtype=next(network.parameters()).dtype))
    except RuntimeError as error:
        raise SettingsError(
            f"{where}: architecture.options: does not take {shape} images ({one_line(error, 200)})"
        ) from error
    if scores.shape != (1, classes):
        raise SettingsError(f"{where}: architecture.options: {scores.shape[1]} classes, but the data have {classes}")
    network.train()


def refuse_unfit(recipe: Recipe, split: Split, where: str) -> None:
    """Raises SettingsError where the recipe's numbers are not for such images, DataError where these are too few for a batch."""
    channels, *sides = split.train.shape
    refuse_other_channels({"mean": recipe.data.mean, "std": recipe.data.std}, channels, f"{where}: data")
    if recipe.training.shift >= min(sides):
        raise SettingsError(
            f"{where}: training.shift: moves images of {sides[0]}x{sides[1]} pixels by {recipe.training.shift}, out of sight"
        )
    if len(split.train) < 2:
        raise DataError(f"{recipe.data.name}: one image to train on; a batch needs two: add images, or set fewer apart")


def refuse_other_channels(values: Mapping[str, Sequence[float]], channels: int, where: str) -> None:
    """Raises SettingsError unless there is one number for each channel, or one for all, or none."""
    for key, numbers in values.items():
        if len(numbers) not in (0, 1, channels):
            have = f"{channels} channel{'s' * (channels > 1)}"
            raise SettingsError(f"{where}.{key}: {len(numbers)} values, but the images have {have}")


def problems_of(error: ValidationError) -> list[str]:
    """What is wrong with the values of a file, each in a few words."""
    problems = [_problem(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]
    return problems[:MOST_PROBLEMS]


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """One problem of a recipe in a few words."""
    key = ".".join(str(part)[:80] for part in location)
    message = message.removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"unknown key {key}"
    if kind == "missing":
        return f"missing key {key}"
    return ": ".join(filter(None, (key, message[0].lower() + message[1:])))
