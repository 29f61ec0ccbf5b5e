"""Writes a commented recipe for a folder of pictures: it trains a network with binary weights and activations on them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from bnnaudit.core.dataset import split_address
from bnnaudit.core.errors import cited
from bnnaudit.zoo.train.picture_survey import Survey
from bnnaudit.zoo.train.toml_text import toml_text

AS_THEY_ARE = 64
"""Pixels of the longer side up to which pictures of one size stay as they are. Not tuned."""
STRETCHED = 32
"""Pixels of both sides of all others, as of CIFAR-10, for whose size the architectures are made."""
LEAST_HELD_OUT, MOST_HELD_OUT = 300, 1000
"""A fifth of the images is held out, but no fewer than an audit draws unless that is above a third, and no more than measure an
accuracy to three points."""
SEEN = 60_000
"""Images that training takes, each counted as often as it does: at 32 x 32 pixels two to three minutes on one core. Not tuned."""
FEWEST_EPOCHS, MOST_EPOCHS = 10, 40
"""Not tuned."""
SHIFTED = 8
"""An image is moved by up to its side divided by this: by 4 pixels of 32, as in the recipes for CIFAR-10."""
PLAIN_NAME = 60
"""Letters of a folder's name that the network's name keeps. Not tuned."""
COMMENTS_AT = 26
"""Characters of a line before its comment."""

Row = tuple[str, object, str]
"""A key, its value, and its comment."""


def new_recipe(found: Survey, file: Path) -> str:
    """The text of a recipe that is to be written to `file`."""
    kind = "grey" if not found.coloured else "colour"
    what = f"{found.images + found.test:,} pictures of {len(found.counts)} classes in {cited(found.address)}, {kind}"
    about: list[Row] = [
        ("name", network_name(found.address, file), "of the files that training writes"),
        ("description", f"binary weights and activations, logits unscaled; {cited(found.address)}", ""),
        ("seed", 0, "of the first weights and the order of the images; another one gives another network"),
    ]
    parts = [
        f"# A recipe for {what}.\n# Change what you like, then: bnnaudit train {cited(str(file))}",
        _lines(about),
        _table("data", _data(found)),
        _table(
            "architecture",
            [("name", "resnet18", "or cnn, lenet, mlp, resnet50, vgg16, ...: each has options of its own")],
        ),
        _table("architecture.options", _options(found)),
        _table("training", _training(found)),
        _table("card", [("eps", "8/255", "how far the audit's adversary may change a pixel; black to white is 1")]),
    ]
    return "\n\n".join(parts) + "\n"


def network_name(address: str, file: Path) -> str:
    """What the network is called: as its pictures, in plain letters, and not as the recipe, which its card would replace."""
    zipped = split_address(address)
    folder = Path(address).resolve().name if zipped is None else zipped[0].stem
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", folder).strip("-._")[:PLAIN_NAME]
    name = f"{plain or 'network'}-bnn"
    return f"{name}-waq" if name == file.stem else name


def held_out(found: Survey) -> int:
    """How many images are never trained on, where the data set none apart."""
    return min(max(found.images // 5, min(LEAST_HELD_OUT, found.images // 3)), MOST_HELD_OUT)


def _data(found: Survey) -> Iterable[Row]:
    yield "source", found.address, "a folder for each class; from the folder that you train in, or --data-root"
    if not found.test:
        yield "held_out", held_out(found), "images that are never trained on: the network is judged and audited on them"
    if _resized(found):
        yield (
            "size",
            [STRETCHED, STRETCHED],
            f"height and width that pictures are stretched to; they have {sizes(found)}",
        )


def _options(found: Survey) -> Iterable[Row]:
    yield "in_channels", 3 if found.coloured else 1, "3: colour, 1: grey"
    yield "classes", len(found.counts), ""
    yield "width", 16, "channels of the first layer; 32 learns more and takes about three times as long"
    yield "weights", "binary", "or float, ternary, uniform2, uniform4, uniform8"
    yield "activations", "binary", "or relu (float), uniform2, uniform4, uniform8"


def _training(found: Survey) -> Iterable[Row]:
    trained_on = found.images - (0 if found.test else held_out(found))
    side = STRETCHED if _resized(found) else min(found.smallest)
    yield (
        "epochs",
        min(max(round(SEEN / trained_on), FEWEST_EPOCHS), MOST_EPOCHS),
        "passes over the training images",
    )
    yield "batch_size", 64, ""
    yield "learning_rate", 0.005, ""
    yield "shift", side // SHIFTED, "each image is moved at random by up to this many pixels"
    yield "flip", bool(found.coloured), "half of them are mirrored: good for photographs, bad for writing"
    yield "precision", "float32", "float64 is slower, and gives the same network on every processor"


def _resized(found: Survey) -> bool:
    return found.smallest != found.largest or max(found.largest) > AS_THEY_ARE


def sizes(found: Survey) -> str:
    """The pixels of the pictures, width x height."""
    low, high = (f"{width}x{height}" for height, width in (found.smallest, found.largest))
    return f"{low} pixels" if low == high else f"{low} to {high} pixels"


def _table(name: str, rows: Iterable[Row]) -> str:
    return f"[{name}]\n{_lines(rows)}"


def _lines(rows: Iterable[Row]) -> str:
    return "\n".join(
        f"{f'{key} = {toml_text(value)}':<{COMMENTS_AT}}{' # ' if comment else ''}{comment}".rstrip()
        for key, value, comment in rows
    )
