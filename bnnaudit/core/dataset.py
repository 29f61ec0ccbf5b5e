"""How data are named: by a path, or by torchvision's name."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from bnnaudit.core.errors import DataError, did_you_mean

_ADDRESS = re.compile(r"(?P<file>.+\.zip)(?::(?P<inside>.*))?", re.IGNORECASE)


IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".webp", ".ppm"})
"""Of the files in a folder or a zip that are taken for images."""


class NamedDataset(StrEnum):
    """A data set that torchvision reads from the folder given as root."""

    MNIST = "MNIST"
    FASHION_MNIST = "FashionMNIST"
    CIFAR10 = "CIFAR10"
    CIFAR100 = "CIFAR100"
    GTSRB = "GTSRB"
    IMAGENET = "ImageNet"

    @classmethod
    def parse(cls, text: str) -> NamedDataset | None:
        """The data set of that name, in upper or lower case; None where `text` is none of them (a path, then)."""
        return next((name for name in cls if name.lower() == text.strip().lower()), None)


def split_address(source: str) -> tuple[Path, str] | None:
    """`data.zip` or `data.zip:folder/inside` as file and folder; None where `source` names no zip."""
    match = _ADDRESS.fullmatch(source)
    if match is None:
        return None
    return Path(match["file"]), (match["inside"] or "").strip("/")


def require_data(source: str | None) -> str:
    """The source; raises DataError unless it is a name of torchvision's, a folder, or a file of a supported kind."""
    if source is None:
        raise DataError(
            "no data: give --data (an .npz with x and y, a folder or zip of class folders, or a torchvision name), "
            "or write [data] source into the model's card"
        )
    if NamedDataset.parse(source) is not None or Path(source).is_dir():
        return source
    address = split_address(source)
    path = address[0] if address else Path(source)
    kinds = f"an .npz, a folder, a .zip, or one of {', '.join(NamedDataset)}"
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: not a file, but a folder, a pipe or a device; give {kinds}")
    if not path.is_file():
        raise DataError(f"{path}: no such file; give {kinds}{did_you_mean(Path(source).name, NamedDataset)}")
    if address is None and path.suffix.lower() != ".npz":
        raise DataError(f"{source}: not a supported kind of data; give {kinds}")
    return source
