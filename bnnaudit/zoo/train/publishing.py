"""The files of a trained network: its weights, its card, the held-out images, and the digests of all of them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
from torch import Tensor, nn

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


def written_names(recipe: Recipe, drawn: bool) -> tuple[str, ...]:
    """The files that a recipe makes: models, images where they were drawn, the card, and at last the list of their digests."""
    models = [f"{recipe.name}.{kind}" for kind in dict.fromkeys(recipe.export.formats)]
    latent = [latent_name(recipe)] if recipe.export.latent else []
    images = [images_name(recipe)] if drawn else []
    return (*models, *latent, *images, f"{recipe.name}.toml", DIGESTS)


def latent_name(recipe: Recipe) -> str:
    """The file of the weights that training moves."""
    return f"{recipe.name}-latent.safetensors"


def images_name(recipe: Recipe) -> str:
    """The file of the held-out images."""
    return f"{recipe.data.name}-test.npz"


def publish(recipe: Recipe, made: Made, output: Path, file: Path | None) -> tuple[tuple[Path, ...], dict[str, object]]:
    """Writes all files of a network; returns their paths, and the last line of the log. Raises OSError."""
    shape = made.split.train.shape
    contents: dict[str, bytes] = {}
    last: dict[str, object] = {"written_epoch": made.epoch, "clean_accuracy": made.clean_accuracy}
    for kind in dict.fromkeys(recipe.export.formats):
        match kind:
            case ExportFormat.ONNX:
                content = onnx_bytes(made.network, shape, recipe.export.packed)
                last["onnx_runtime_agrees"] = agreement(content, made.network, made.split.test, recipe)
            case ExportFormat.SAFETENSORS:
                content = safetensors_bytes(made.network.state_dict(), recipe.export.packed)
            case _:
                assert_never(kind)
        contents[f"{recipe.name}.{kind}"] = content
    if recipe.export.latent:
        contents[latent_name(recipe)] = safetensors_bytes(made.latent, False)
    if made.split.drawn:
        contents[images_name(recipe)] = images_bytes(made.split.test)
    source = recipe.card.data or (images_name(recipe) if made.split.drawn else recipe.data.source)
    contents[f"{recipe.name}.toml"] = card_text(recipe, shape, source, made.clean_accuracy).encode()
    digests = known_digests(output) | {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name, content in contents.items():
        write_whole(output / name, content)
    write_whole(output / DIGESTS, "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)))
    return (*(output / name for name in contents), *_copied(recipe, output, file)), last


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


def known_digests(folder: Path) -> dict[str, str]:
    """Those that the folder's list has of other files."""
    path = folder / DIGESTS
    return dict(read_digests(path)) if path.exists() else {}


def read_digests(path: Path) -> Mapping[str, str]:
    """Digests by file name; raises UsageError for a file that is not such a list."""
    pairs = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
    if any(len(pair) != 2 for pair in pairs):
        raise UsageError(f"{path}: not a list of SHA-256 digests; remove it, or train into another folder")
    return {name: digest for digest, name in pairs}
