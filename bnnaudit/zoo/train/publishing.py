"""The files of a trained network: its weights, its card, the held-out images, and the digests of all of them."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
from safetensors.torch import save
from torch import Tensor, nn

from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import UsageError
from bnnaudit.zoo.train.agreement import agreement
from bnnaudit.zoo.train.card import card_text
from bnnaudit.zoo.train.export import onnx_bytes, safetensors_bytes
from bnnaudit.zoo.train.images import Images, Split
from bnnaudit.zoo.train.keeping import write_whole
from bnnaudit.zoo.train.tables import ExportFormat, Recipe

DIGESTS = "SHA256SUMS"


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A network that was trained: as it is deployed, its latent weights by name, the data, its accuracy on the test images.

    epoch: after which it was taken.
    """

    network: nn.Module
    latent: Mapping[str, Tensor]
    split: Split
    clean_accuracy: float
    epoch: int


def publish(recipe: Recipe, made: Made, output: Path, file: Path | None) -> tuple[tuple[Path, ...], dict[str, object]]:
    """Writes all files of a network; returns models, card and images, and the last line of the log. Raises OSError."""
    shape = made.split.train.shape
    models, last = [], {"written_epoch": made.epoch, "clean_accuracy": made.clean_accuracy}
    for kind in recipe.export.formats:
        path = output / f"{recipe.name}.{kind}"
        match kind:
            case ExportFormat.ONNX:
                write_whole(path, onnx_bytes(made.network, shape))
                last["onnx_runtime_agrees"] = agreement(path, made.network, made.split.test, recipe)
            case ExportFormat.SAFETENSORS:
                write_whole(path, safetensors_bytes(made.network.state_dict(), recipe.export.packed))
            case _:
                assert_never(kind)
        models.append(path)
    if recipe.export.latent:
        path = output / f"{recipe.name}-latent.safetensors"
        write_whole(path, save(dict(made.latent)))
        models.append(path)
    card, others = output / f"{recipe.name}.toml", []
    if made.split.drawn:
        others.append(output / f"{recipe.data.name}-test.npz")
        write_whole(others[0], images_bytes(made.split.test))
    source = recipe.card.data or (others[0].name if others else recipe.data.source)
    write_whole(card, card_text(recipe, shape, source, made.clean_accuracy))
    record_digests(output, [*models, card, *others])
    return (*models, card, *others, *_copied(recipe, output, file)), {**last}


def _copied(recipe: Recipe, output: Path, file: Path | None) -> tuple[Path, ...]:
    """The recipe's copy in `recipes/`, unless it is the recipe itself."""
    if file is None:
        return ()
    copy = output / "recipes" / f"{recipe.name}.toml"
    if copy.exists() and copy.samefile(file):
        return ()
    copy.parent.mkdir(exist_ok=True)
    write_whole(copy, file.read_bytes())
    return (copy,)


def images_bytes(images: Images) -> bytes:
    """`x` and `y` (N,) as npz, not compressed: the same images give the same bytes everywhere."""
    stream = io.BytesIO()
    np.savez(stream, x=images.x, y=images.y)
    return stream.getvalue()


def record_digests(folder: Path, files: Iterable[Path]) -> None:
    """Enters the files' SHA-256 in the folder's list, sorted by name; other entries stay. `sha256sum -c` reads it."""
    path = folder / DIGESTS
    known = dict(read_digests(path)) if path.exists() else {}
    known |= {file.name: sha256_of(file) for file in files}
    write_whole(path, "".join(f"{known[name]}  {name}\n" for name in sorted(known)))


def read_digests(path: Path) -> Mapping[str, str]:
    """Digests by file name; raises UsageError for a file that is not such a list."""
    pairs = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError(f"{path}: not a list of SHA-256 digests; remove it, or train into another folder")
    return {name: digest for digest, name in pairs}
