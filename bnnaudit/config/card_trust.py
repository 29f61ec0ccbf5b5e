"""What a card may not have done, because it comes with its model, perhaps from a stranger: run code, or reach other files.

A card describes its model; code and files elsewhere are for those who run the audit to name: on the command line, in a call from
Python, or in the project's own bnnaudit.toml or pyproject.toml. Unless they say `trust_cards`:

* a card may name a built-in network, but not code. Where it says which code it needs, and nobody else names any, the error tells
  the `--arch` to add. Its options reach code that others name as far as they are numbers, true or false, and lists and tables of
  these: text can name a file, an address or weights to download, and so can an option for pretrained weights;
* its paths stay inside its own folder, links followed; or inside the current folder, if the card lies in that, and that is
  neither the root of the disk nor a folder that holds the user's home;
* it cannot name the folder in which torchvision unpacks and downloads data.

Only what would take effect is held to this: a path in a card is no matter where `--data` names another.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from bnnaudit.config.settings import Settings
from bnnaudit.core.dataset import NamedDataset, split_address
from bnnaudit.core.errors import UsageError, cited
from bnnaudit.core.model_file import ONNX_SUFFIXES
from bnnaudit.core.network_code import names_code, split_code

_WEIGHTS = re.compile("weight|pretrain|checkpoint|download|url|path|file", re.IGNORECASE)
"""Names of options by which libraries of networks fetch weights, `pretrained = true` among them."""
TRUST = "--trust-card if you trust its maker with that"


def distrusted(
    settings: Settings, card: Settings, others: Sequence[Settings], where: Path, cwd: Path, model: Path | None
) -> list[str]:
    """What `settings` owe to the card at `where` that a card may not say, in words.

    settings: all layers taken together. card: what it says itself, with absolute paths. others: the project's files and the
    flags. cwd: the current folder.
    """
    problems = _paths(settings, card, others, _places(where, cwd))
    if model is None or model.suffix.lower() not in ONNX_SUFFIXES:  # an ONNX file needs no architecture
        problems += _code(settings, card, others)
    return problems


def _code(settings: Settings, card: Settings, others: Sequence[Settings]) -> list[str]:
    """A network that only the card names, and what it would pass to one that others name."""
    name, options = settings.architecture.name, settings.architecture.options
    if name is None or not names_code(name):
        return []
    if name not in (layer.architecture.name for layer in others):
        try:
            split_code(name)
        except UsageError as error:
            return [str(error)]
        return [
            f"architecture.name: a card is data and has no code imported; add --arch {shlex.quote(cited(name))} if you "
            "trust that code, or --trust-card"
        ]
    if not options or options != card.architecture.options or options in [each.architecture.options for each in others]:
        return []
    unfit = [key for key, value in options.items() if _WEIGHTS.search(key) or not _is_numbers(value)]
    return [
        f"architecture.options.{cited(key)}: text and weights in a card are not passed to your code; write the options "
        f"into the project's bnnaudit.toml, or add {TRUST}"
        for key in unfit[:1]
    ]


def _is_numbers(value: object) -> bool:
    """Numbers, true or false, and lists and tables of these."""
    if isinstance(value, Mapping):
        return all(not _WEIGHTS.search(str(key)) and _is_numbers(entry) for key, entry in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_numbers, value))
    return isinstance(value, bool | int | float)


def _paths(settings: Settings, card: Settings, others: Sequence[Settings], places: Sequence[Path]) -> list[str]:
    """The paths in effect that only the card names and that leave `places`."""
    problems: list[str] = []
    source = card.data.source
    if source is not None and settings.data.source == source and source not in [each.data.source for each in others]:
        address = split_address(source)
        path = address[0] if address else Path(source)
        if NamedDataset.parse(source) is None and not _is_inside(path, places):
            problems.append(_outside("data.source", path, "--data"))
    root = card.data.root
    if root is not None and settings.data.root == root and root not in [each.data.root for each in others]:
        problems.append(
            "data.root: where torchvision unpacks and downloads data is not for a card to say; give --data-root, or add "
            f"{TRUST}"
        )
    model = card.substitute.model
    if model is not None and settings.substitute.model == model:
        named = [each.substitute.model for each in others]
        if model not in named and not _is_inside(model, places):
            problems.append(_outside("substitute.model", model, "--substitute"))
    return problems


def _outside(key: str, path: Path, option: str) -> str:
    return f"{key}: {cited(str(path))} is outside the card's folder; name it with {option}, or add {TRUST}"


def _places(card: Path, cwd: Path) -> list[Path]:
    """The card's folder, and the current one where it is the project that the card is part of."""
    own, here = card.parent.resolve(), cwd.resolve()
    home = _home()
    is_project = own.is_relative_to(here) and here != Path(here.anchor) and not (home and home.is_relative_to(here))
    return [own, here] if is_project else [own]


def _home() -> Path | None:
    """The user's home, None where there is none."""
    try:
        return Path.home().resolve()
    except RuntimeError:
        return None


def _is_inside(path: Path, places: Sequence[Path]) -> bool:
    """Whether a path, every link in it followed, ends inside one of the folders."""
    try:
        whole = path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links; a NUL sign
        return False
    return any(whole.is_relative_to(place) for place in places)
