"""Trained networks that a training starts from or learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor, nn

from bnnaudit.core.errors import SettingsError, UsageError
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.models.checkpoint.fit_weights import fit_weights
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from bnnaudit.zoo.train.arithmetic import Arithmetic, Prepared
from bnnaudit.zoo.train.images import Split
from bnnaudit.zoo.train.recipes import built, problem_of, refuse_misfit
from bnnaudit.zoo.train.tables import ArchitectureTable, Finite, Positive


class _Normalisation(BaseModel):
    """[preprocessing] of a teacher's card: one value for each channel or for all. Training computes nothing else of it."""

    model_config = ConfigDict(extra="forbid")

    mean: tuple[Finite, ...] | Finite = ()
    std: tuple[Positive, ...] | Positive = ()


class _TeacherCard(BaseModel):
    """What training reads of a teacher's card."""

    architecture: dict[str, Any]
    preprocessing: _Normalisation = Field(default_factory=_Normalisation)


def load_weights(path: Path, network: nn.Module) -> None:
    """Puts a checkpoint's weights into a network of the same architecture; raises CheckpointError for any other."""
    _, weights = read_state_dict(path)
    fit_weights(weights, network, str(path))


def teacher_of(card: Path, arithmetic: Arithmetic, split: Split) -> Callable[[Tensor], Tensor]:
    """The logits (N, classes) of the network that a card describes, for images (N, C, H, W) in [0, 1].

    Its weights lie beside the card, as NAME.safetensors. Raises SettingsError for a card that cannot be read, has no built-in
    architecture, or describes a network for other images or classes than those of `split`.
    """
    architecture, normalisation = _described(card)
    network = built(architecture, str(card))
    refuse_misfit(network, split.train.shape, split.classes, str(card))
    mean, std = (
        values if isinstance(values, tuple) else (values,) for values in (normalisation.mean, normalisation.std)
    )
    channels = split.train.shape[0]
    if {len(mean), len(std)} - {0, 1, channels}:
        raise SettingsError(
            f"{card}: preprocessing: mean and std need one value, or one for each of {channels} channels"
        )
    load_weights(card.with_suffix(".safetensors"), network)
    network = arithmetic.placed(network.to(arithmetic.dtype)).eval().requires_grad_(False)
    whole = Prepared(network, arithmetic, mean, std).eval()

    @torch.no_grad()
    def taught(images: Tensor) -> Tensor:
        scores: Tensor = whole(images)
        return scores

    return taught


def _described(card: Path) -> tuple[ArchitectureTable, _Normalisation]:
    """The network that a card describes; raises SettingsError that names every problem."""
    try:
        values = read_toml(card)
    except TomlError as error:
        raise SettingsError(f"{card}: not a readable card ({error})") from error
    try:
        found = _TeacherCard.model_validate(values)
        named = {key: value for key, value in found.architecture.items() if key in ArchitectureTable.model_fields}
        return ArchitectureTable.model_validate(named), found.preprocessing
    except ValidationError as error:
        raise SettingsError(f"{card}: a teacher's card: {'; '.join(map(problem_of, error.errors()))}") from None


def found(name: str, folders: Sequence[Path], what: str) -> Path:
    """The file of that name in the first of the folders that has it; raises UsageError where none has."""
    places = [Path(name)] if Path(name).is_absolute() else [folder / name for folder in folders]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(folder) for folder in dict.fromkeys(folders))
    raise UsageError(f"{what}: no file {name} (looked in {looked}); train that network first, into the same folder")
