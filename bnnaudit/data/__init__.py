"""Images and labels: where they come from, and the sample that is audited.

`open_source` goes through the kinds of sources in order; adding one is a file and a line in `SOURCES`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bnnaudit.core.dataset import NamedDataset, require_data, split_address
from bnnaudit.data.archive import open_archive
from bnnaudit.data.fitting import common_shape
from bnnaudit.data.folder import open_folder
from bnnaudit.data.named import open_named
from bnnaudit.data.npz import open_npz
from bnnaudit.data.npz_units import UNKNOWN, NetworkUnits
from bnnaudit.data.sample import Sample, take_pool, take_sample
from bnnaudit.data.source import ImageSource

__all__ = [
    "SOURCES",
    "ImageSource",
    "NetworkUnits",
    "Sample",
    "common_shape",
    "open_source",
    "take_pool",
    "take_sample",
]


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of the data beside their name; `open_source` says what."""

    root: Path | None
    network: NetworkUnits


def _named(source: str, where: Whereabouts) -> ImageSource | None:
    dataset = NamedDataset.parse(source)
    return None if dataset is None else open_named(dataset, where.root)


def _folder(source: str, where: Whereabouts) -> ImageSource | None:
    return open_folder(Path(source)) if Path(source).is_dir() else None


def _archive(source: str, where: Whereabouts) -> ImageSource | None:
    address = split_address(source)
    return open_archive(*address) if address else None


def _npz(source: str, where: Whereabouts) -> ImageSource | None:
    return open_npz(Path(source), where.network) if source.lower().endswith(".npz") else None


SOURCES: dict[str, Callable[[str, Whereabouts], ImageSource | None]] = {
    "torchvision": _named,
    "folder": _folder,
    "zip": _archive,
    "npz": _npz,
}


def open_source(source: str, root: Path | None = None, network: NetworkUnits = UNKNOWN) -> ImageSource:
    """The data that `source` names: an `.npz`, a folder, a zip (`data.zip:folder/inside`), or a torchvision name.

    `root` is where torchvision keeps its data; `network` what the network takes. Raises DataError for what is missing,
    unreadable, or of no known kind.
    """
    require_data(source)
    where = Whereabouts(root, network)
    return next(found for recognise in SOURCES.values() if (found := recognise(source, where)) is not None)
