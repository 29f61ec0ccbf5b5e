"""Trained networks that a training starts from or learns from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from bnnaudit.core.errors import SettingsError, UsageError, one_line
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.models.checkpoint.fit_weights import fit_weights
from bnnaudit.models.checkpoint.state_dict import read_state_dict
from bnnaudit.zoo.architectures import ARCHITECTURES
from bnnaudit.zoo.train.arithmetic import Arithmetic, Prepared


def load_weights(path: Path, network: nn.Module) -> None:
    """Puts a checkpoint's weights into a network of the same architecture; raises CheckpointError for any other."""
    _, weights = read_state_dict(path)
    dtypes = {name: tensor.dtype for name, tensor in network.state_dict().items()}
    fit_weights({name: tensor for name, tensor in weights.items()}, network, str(path))
    assert {name: tensor.dtype for name, tensor in network.state_dict().items()} == dtypes


def teacher_of(card: Path, arithmetic: Arithmetic) -> Callable[[Tensor], Tensor]:
    """The logits (N, classes) of the network that a card describes, for images (N, C, H, W) in [0, 1].

    Its weights lie beside the card, as NAME.safetensors. Raises SettingsError for a card without a built-in architecture.
    """
    try:
        values = read_toml(card)
    except TomlError as error:
        raise SettingsError(f"{card}: not a readable card ({error})") from error
    table, preprocessing = values.get("architecture", {}), values.get("preprocessing", {})
    name = table.get("name")
    if name not in ARCHITECTURES:
        raise SettingsError(f"{card}: a teacher needs [architecture] name, one of {', '.join(sorted(ARCHITECTURES))}")
    try:
        network = ARCHITECTURES[name](**table.get("options", {}))
    except (TypeError, ValueError, RuntimeError) as error:
        raise SettingsError(f"{card}: architecture.options: {one_line(error, 200)}") from error
    load_weights(card.with_suffix(".safetensors"), network)
    network = arithmetic.placed(network.to(arithmetic.dtype)).eval().requires_grad_(False)
    mean, std = (tuple(preprocessing.get(key, ())) for key in ("mean", "std"))
    whole = Prepared(network, arithmetic, mean, std).eval()

    @torch.no_grad()
    def taught(images: Tensor) -> Tensor:
        scores: Tensor = whole(images)
        return scores

    return taught


def found(name: str, folders: Sequence[Path], what: str) -> Path:
    """The file of that name in the first of the folders that has it; raises UsageError where none has."""
    places = [Path(name)] if Path(name).is_absolute() else [folder / name for folder in folders]
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(str(folder) for folder in dict.fromkeys(folders))
    raise UsageError(f"{what}: no file {name} (looked in {looked}); train that network first, into the same folder")
