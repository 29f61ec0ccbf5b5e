"""Recipes: everything that decides what a network becomes in training, as one TOML file."""

from __future__ import annotations

import inspect
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr, ValidationError
from torch import nn

from bnnaudit.core.errors import SettingsError, one_line
from bnnaudit.core.limits import LARGEST_COUNT, LARGEST_SEED
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.digits import CLASSES, SHAPE


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
        problems = [_problem(detail["loc"], detail["type"], detail["msg"]) for detail in error.errors()]
        raise SettingsError(f"{path}: {'; '.join(problems[:MOST_PROBLEMS])}") from None
    build_network(recipe, str(path))
    return recipe


def build_network(recipe: Recipe, where: str = "recipe") -> nn.Module:
    """The untrained network; raises SettingsError, naming `where`, for a name or options that do not exist or do not fit."""
    name, options = recipe.architecture.name, recipe.architecture.options
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
    _refuse_misfit(network, where)
    return network


def _refuse_misfit(network: nn.Module, where: str) -> None:
    """Raises SettingsError where the network does not take the data's images, or has not the data's classes."""
    shape = "x".join(str(length) for length in SHAPE)
    try:
        with torch.no_grad():
            scores = network.eval()(torch.zeros(1, *SHAPE))
    except RuntimeError as error:
        raise SettingsError(
            f"{where}: architecture.options: does not take {shape} images ({one_line(error, 200)})"
        ) from error
    if scores.shape != (1, CLASSES):
        raise SettingsError(f"{where}: architecture.options: {scores.shape[1]} classes, but the data have {CLASSES}")
    network.train()


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    """One problem of a recipe in a few words."""
    key = ".".join(str(part)[:80] for part in location)
    if kind == "extra_forbidden":
        return f"unknown key {key}"
    return f"missing key {key}" if kind == "missing" else f"{key}: {message[0].lower()}{message[1:]}"
