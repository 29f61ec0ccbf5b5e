"""A network opened as users open theirs: its weights from a file, its forward pass from code of their own."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from bnnaudit.core.preprocessing import Preprocessing
from bnnaudit.core.surrogate import Surrogate
from bnnaudit.core.target import Target
from bnnaudit.models.checkpoint.load import load_checkpoint


def write_checkpoint(network: nn.Module, path: Path) -> Path:
    """The weights of a network, in safetensors."""
    save_file({name: tensor.contiguous().clone() for name, tensor in network.state_dict().items()}, path)
    return path


def checkpoint_of(network: nn.Module, shape: tuple[int, ...], classes: int) -> Target:
    """The network (N, *shape) -> (N, classes) as a target, from a checkpoint that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_checkpoint(network, Path(folder) / "network.safetensors")
        target = load_checkpoint(path, network, shape, Preprocessing(), Surrogate(), torch.device("cpu"))
    assert target.facts.num_classes == classes
    return target
