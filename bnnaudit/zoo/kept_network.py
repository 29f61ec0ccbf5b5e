"""A trained network in the user's cache: its weights as safetensors, with a digest, so that what is damaged is not taken."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

from bnnaudit.core.cache_folder import cache_folder, kept_whole
from bnnaudit.core.regular_file import open_regular

DIGEST = "digest"
"""The tensor that holds it: the 32 bytes of a SHA-256."""
HEADER = 1 << 16
"""Bytes that a file may have beside its weights; the header of a network of ten layers has about a thousand. Not tuned."""


def place_of(kind: str, key: str) -> Path:
    """The file for a network that `key`, a digest, names."""
    return cache_folder() / kind / f"{key}.safetensors"


def read_kept(place: Path, network: nn.Module) -> bool:
    """Gives the network the weights that are kept there; False, and it is as it was, where there are none that are whole.

    Whole are weights of its names, shapes and types, all of them finite, that this place was given.
    """
    expected = network.state_dict()
    most = HEADER + sum(tensor.numel() * tensor.element_size() for tensor in expected.values())
    try:
        with open_regular(place) as stream:
            data = stream.read(most + 1)
        weights = load(data) if len(data) <= most else {}
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):  # not there yet, or no safetensors
        return False
    digest = weights.pop(DIGEST, None)
    if digest is None or weights.keys() != expected.keys():
        return False
    for name, tensor in weights.items():
        if tensor.shape != expected[name].shape or tensor.dtype is not expected[name].dtype:
            return False
        if not bool(torch.isfinite(tensor).all()):
            return False
    if not torch.equal(digest, _digest(place, weights)):
        return False
    network.load_state_dict(weights)
    return True


def keep(place: Path, network: nn.Module) -> None:
    """Keeps the network's weights there, in place of what was; where nothing can be written, nothing is kept."""
    weights = {name: tensor.cpu().contiguous() for name, tensor in network.state_dict().items()}
    data = save({**weights, DIGEST: _digest(place, weights)})
    with contextlib.suppress(OSError), kept_whole(place) as stream:
        stream.write(data)


def _digest(place: Path, weights: Mapping[str, Tensor]) -> Tensor:
    """Of the weights and of the file's name, so that the file of another network is none of this."""
    digest = hashlib.sha256(place.name.encode())
    for name, tensor in sorted(weights.items()):
        digest.update(name.encode() + b"\0" + tensor.numpy().tobytes())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)
