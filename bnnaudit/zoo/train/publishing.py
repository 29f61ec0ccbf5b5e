"""The files beside a trained network: its card, the held-out images, and the digests of all files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import UsageError
from bnnaudit.core.regular_file import open_regular
from bnnaudit.zoo.train.digits import Images
from bnnaudit.zoo.train.recipes import Recipe

DIGESTS = "SHA256SUMS"
LONGEST_LIST = 2**20
"""Bytes of a list that is read: about 10,000 files. Not tuned."""


def write_card(recipe: Recipe, input_shape: tuple[int, ...], data: Path, clean_accuracy: float, path: Path) -> None:
    """The card: the audit's data and threat, the clean accuracy on all held-out images, and the architecture."""
    lines = [
        f"description = {_toml(recipe.description)}",
        "",
        "[data]",
        f"source = {_toml(data.name)}",
        f"samples = {recipe.card.samples}",
        "",
        "[threat]",
        'norm = "linf"',
        f"eps = {recipe.card.eps}",
        "",
        "[declared]",
        f"clean_accuracy = {clean_accuracy:.4f}",
        "",
        "[architecture]",
        f"name = {_toml(recipe.architecture.name)}",
        f"input_shape = {_toml(list(input_shape))}",
        "",
        "[architecture.options]",
        *(f"{key} = {_toml(value)}" for key, value in recipe.architecture.options.items()),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_images(images: Images, path: Path) -> None:
    """`x` (N, 8, 8) uint8 and `y` (N,) as npz, not compressed: the same images give the same bytes everywhere."""
    with path.open("wb") as stream:
        np.savez(stream, x=images.x, y=images.y)


def write_digests(known: Mapping[str, str], files: Iterable[Path], path: Path) -> None:
    """The SHA-256 of the files beside those that are known, sorted by name. `sha256sum -c` reads it."""
    digests = {**known, **{file.name: sha256_of(file) for file in files}}
    path.write_text("".join(f"{digests[name]}  {name}\n" for name in sorted(digests)), encoding="utf-8")


def read_digests(path: Path) -> Mapping[str, str]:
    """Digests by file name; raises UsageError for a file that is not such a list, or too long for one."""
    no_list = UsageError(f"{path}: not a list of SHA-256 digests; remove it, or train into another folder")
    with open_regular(path) as stream:
        content = stream.read(LONGEST_LIST + 1)
    try:
        pairs = [line.split("  ", 1) for line in content.decode("utf-8").splitlines()]
    except UnicodeDecodeError:
        raise no_list from None
    if len(content) > LONGEST_LIST or any(len(pair) != 2 for pair in pairs):
        raise no_list
    return {name: digest for digest, name in pairs}


def _toml(value: object) -> str:
    """A string, number, boolean or list as TOML writes it, which is as JSON does."""
    return json.dumps(value, ensure_ascii=False)
