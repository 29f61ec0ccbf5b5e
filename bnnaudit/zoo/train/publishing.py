"""The files of a trained network: its weights, its card, the held-out images, and the digests of all of them."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import numpy as np
import torch
from torch import Tensor, nn

from bnnaudit.core.dataset import NamedDataset
from bnnaudit.core.digest import sha256_of
from bnnaudit.core.errors import UsageError, cited, listed
from bnnaudit.core.part_files import part_beside
from bnnaudit.core.regular_file import open_regular
from bnnaudit.core.replacing import replace_together
from bnnaudit.core.toml_file import TomlError, read_toml
from bnnaudit.zoo.train.agreement import agreement, predictions
from bnnaudit.zoo.train.card import card_text
from bnnaudit.zoo.train.export import onnx_bytes, safetensors_bytes
from bnnaudit.zoo.train.images import Images, Split
from bnnaudit.zoo.train.int8_form import quantized
from bnnaudit.zoo.train.keeping import LogLines, write_whole
from bnnaudit.zoo.train.tables import ExportFormat, OnnxForm, Recipe

DIGESTS = "SHA256SUMS"
LONGEST_LIST = 2**20
"""Bytes of a list that is read: about 10,000 files. Not tuned."""


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


def keeps_images(recipe: Recipe, drawn: bool) -> bool:
    """Whether the images held out, or set apart by the data, lie beside the network: the card then needs nothing else.

    drawn: whether they were held out. Those of torchvision's data sets are not copied, nor those for which the card names others.
    """
    return drawn or (recipe.card.data is None and NamedDataset.parse(recipe.data.source) is None)


def written_names(recipe: Recipe, drawn: bool) -> tuple[str, ...]:
    """The files that a recipe makes: models, held-out images, log, card, and at last the list of their digests."""
    models = [f"{recipe.name}.{kind}" for kind in dict.fromkeys(recipe.export.formats)]
    latent = [latent_name(recipe)] if recipe.export.latent else []
    images = [images_name(recipe)] if keeps_images(recipe, drawn) else []
    return (*models, *latent, *images, log_name(recipe), card_name(recipe), DIGESTS)


def card_name(recipe: Recipe) -> str:
    """The file of the card."""
    return f"{recipe.name}.toml"


def latent_name(recipe: Recipe) -> str:
    """The file of the weights that training moves."""
    return f"{recipe.name}-latent.safetensors"


def images_name(recipe: Recipe) -> str:
    """The file of the held-out images, in plain letters whatever the data are called."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(recipe.data.name).stem).strip("-.")
    return f"{plain or recipe.name}-test.npz"


def log_name(recipe: Recipe) -> str:
    """The file of the figures. No digest of it is kept, for it says how long the training took."""
    return f"{recipe.name}-log.jsonl"


def known_digests(recipe: Recipe, split: Split, output: Path) -> Mapping[str, str]:
    """Those of the files that are there already.

    Raises UsageError where something is in the way: a folder, a pipe, weights that the new card would not be about, or held-out
    images that another network's card is about. Raises OSError where the folder cannot be read.
    """
    for name in written_names(recipe, split.drawn):
        if os.path.lexists(output / name) and not (output / name).is_file():
            raise UsageError(f"{output / name}: not a file, so it is not replaced; remove it, or name another folder")
    for kind in set(ExportFormat) - set(recipe.export.formats):
        other = output / f"{recipe.name}.{kind}"
        if other.exists():
            raise UsageError(
                f"{other}: the new card {card_name(recipe)} would be taken for its own; remove it, add {kind} to "
                "export.formats, or name another folder"
            )
    if keeps_images(recipe, split.drawn):
        _refuse_others_images(recipe, split, output)
    path = output / DIGESTS
    return read_digests(path) if path.exists() else {}


def _refuse_others_images(recipe: Recipe, split: Split, output: Path) -> None:
    """Raises UsageError where other images are there, by which other networks are judged: they may have learnt from these."""
    path = output / images_name(recipe)
    if not path.exists() or sha256_of(path) == hashlib.sha256(images_bytes(split.test)).hexdigest():
        return
    others = [card.name for card in sorted(output.glob("*.toml")) if card.name != card_name(recipe)]
    about = [name for name in others if _source_of(output / name) == path.name]
    if about:
        raise UsageError(
            f"{path}: other held-out images, which {listed([cited(name, 80) for name in about])} is judged by; give [data] "
            "in the recipe another name, or name another folder"
        )


def _source_of(card: Path) -> object:
    """What a card names as its data; None where it cannot be read."""
    try:
        data = read_toml(card).get("data")
    except (TomlError, OSError):
        return None
    return data.get("source") if isinstance(data, dict) else None


@dataclass(frozen=True, slots=True)
class Published:
    """The files that were written, and how often the deployed network is right on the test images."""

    files: tuple[Path, ...]
    clean_accuracy: float


def publish(recipe: Recipe, made: Made, log: LogLines, output: Path, file: Path | None) -> Published:
    """Puts all files of a network into the folder, or none. log: with a line about the network.

    Raises OSError, and UsageError where something is in the way.
    """
    contents, last, accuracy = _models(recipe, made)
    kept = keeps_images(recipe, made.split.drawn)
    if kept:
        contents[images_name(recipe)] = images_bytes(made.split.test)
    source = recipe.card.data or (images_name(recipe) if kept else recipe.data.source)
    contents[card_name(recipe)] = card_text(recipe, made.split.train.shape, source, accuracy).encode()
    # Read only now: another training may have finished in the same folder while the models were exported.
    known = known_digests(recipe, made.split, output)
    digests = {**known, **{name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}}
    contents[DIGESTS] = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests)).encode()
    contents[log_name(recipe)] = log.text(last).encode()
    names = written_names(recipe, made.split.drawn)
    with part_beside(output / recipe.name) as part:
        part.mkdir()
        for name, content in contents.items():
            (part / name).write_bytes(content)
        replace_together(part, output, names, speaking=card_name(recipe))
    files = (*(output / name for name in names if name != DIGESTS), *_copied(recipe, output, file))
    return Published(files, accuracy)


def _models(recipe: Recipe, made: Made) -> tuple[dict[str, bytes], dict[str, object], float]:
    """The files of weights by name, what the log says of them, and the clean accuracy.

    A network that is quantized after training is another one in the file, whose accuracy counts; the log has both.
    """
    contents: dict[str, bytes] = {}
    accuracy = made.clean_accuracy
    last: dict[str, object] = {"written_epoch": made.epoch, "clean_accuracy": accuracy}
    for kind in dict.fromkeys(recipe.export.formats):
        match kind:
            case ExportFormat.ONNX:
                content = _onnx(recipe, made)
                predicted = predictions(content, made.split.test, recipe)
                if recipe.export.onnx is OnnxForm.INT8:
                    accuracy = float((predicted == torch.from_numpy(made.split.test.y)).double().mean())
                    last |= {"clean_accuracy": accuracy, "float_accuracy": made.clean_accuracy}
                last["onnx_runtime_agrees"] = agreement(predicted, made.network, made.split.test, recipe)
            case ExportFormat.SAFETENSORS:
                content = safetensors_bytes(made.network.state_dict(), recipe.export.packed, recipe.export.half)
            case _:
                assert_never(kind)
        contents[f"{recipe.name}.{kind}"] = content
    if recipe.export.latent:
        contents[latent_name(recipe)] = safetensors_bytes(made.latent, False)
    return contents, last, accuracy


def _onnx(recipe: Recipe, made: Made) -> bytes:
    """The ONNX file in the form that the recipe asks for."""
    content = onnx_bytes(made.network, made.split.train.shape, recipe.export.packed, recipe.export.onnx)
    return quantized(content, made.split.train) if recipe.export.onnx is OnnxForm.INT8 else content


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
