"""Trained networks that a training starts from or learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from bnnaudit.core.errors import SettingsError, UsageError
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.models.checkpoint.fit_weights import fit_weights
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from bnnaudit.zoo.train.arithmetic import Arithmetic, Prepared
from bnnaudit.zoo.train.images import Split
from bnnaudit.zoo.train.recipes import network_of, problems_of, refuse_misfit, refuse_other_channels
from bnnaudit.zoo.train.tables import ArchitectureTable, Deviation, Mean


def load_weights(path: Path, network: nn.Module) -> None:
    """Puts a checkpoint's weights into a network of the same architecture; raises CheckpointError for any other."""
    _, weights = read_state_dict(path)
    dtypes = {name: tensor.dtype for name, tensor in network.state_dict().items()}
    fit_weights({name: tensor for name, tensor in weights.items()}, network, str(path))
    assert {name: tensor.dtype for name, tensor in network.state_dict().items()} == dtypes


class _Preprocessing(BaseModel):
    """[preprocessing] of a teacher's card: a teacher sees images as its pupil does, so nothing else may be asked for."""

    model_config = ConfigDict(extra="forbid")
    mean: tuple[Mean, ...] = ()
    std: tuple[Deviation, ...] = ()


class _Architecture(ArchitectureTable):
    """[architecture] of a card, which says more than a recipe's."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Card(BaseModel):
    """What a teacher's card must say; the rest of it is about its audit."""

    architecture: _Architecture
    preprocessing: _Preprocessing = _Preprocessing()


def teacher_of(card: Path, split: Split, arithmetic: Arithmetic) -> Callable[[Tensor], Tensor]:
    """The logits (N, classes) of the network that a card describes, for images (N, C, H, W) in [0, 1].

    Its weights lie beside the card, as NAME.safetensors. Raises SettingsError for a card without a built-in architecture, or of
    a network for other images or classes than those of `split`.
    """
    try:
        told = _Card.model_validate(read_toml(card))
    except TomlError as error:
        raise SettingsError(f"{card}: not a readable card ({error})") from error
    except ValidationError as error:
        raise SettingsError(f"{card}: not the card of a teacher: {'; '.join(problems_of(error))}") from None
    network = network_of(told.architecture, str(card))
    load_weights(weights_of(card), network)
    refuse_misfit(network, split.train.shape, split.classes, str(card))
    mean, std = told.preprocessing.mean, told.preprocessing.std
    refuse_other_channels({"mean": mean, "std": std}, split.train.shape[0], f"{card}: preprocessing")
    network = arithmetic.placed(network.to(arithmetic.dtype)).eval().requires_grad_(False)
    whole = Prepared(network, arithmetic, mean, std).eval()

    @torch.no_grad()
    def taught(images: Tensor) -> Tensor:
        scores: Tensor = whole(images)
        return scores

    return taught


def weights_of(path: Path) -> Path:
    """The file of the weights: the checkpoint itself, or for a card the one beside it."""
    return path.with_suffix(".safetensors") if path.suffix == ".toml" else path


def found(name: str, folders: Sequence[Path], what: str) -> Path:
    """The file of that name in the first of the folders that has it; raises UsageError where none has."""
    places = [Path(name)] if Path(name).is_absolute() else [folder / name for folder in folders]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(folder) for folder in dict.fromkeys(folders))
    raise UsageError(f"{what}: no file {name} (looked in {looked}); train that network first, into the same folder")
