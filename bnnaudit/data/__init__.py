"""Images and labels: where they come from, and the sample that is audited.

Adding a kind of source is a file and a case in `open_source`.
"""

from __future__ import annotations

from pathlib import Path

from bnnaudit.core.dataset import NamedDataset
from bnnaudit.core.errors import DataError
from bnnaudit.data.class_folders import open_archive, open_folder, split_address
from bnnaudit.data.fitting import common_shape
from bnnaudit.data.named import open_named
from bnnaudit.data.npz import open_npz
from bnnaudit.data.npz_units import UNKNOWN, NetworkUnits
from bnnaudit.data.sample import Sample, take_pool, take_sample
from bnnaudit.data.source import ImageSource

__all__ = [
    "ImageSource",
    "NetworkUnits",
    "Sample",
    "common_shape",
    "open_source",
    "take_pool",
    "take_sample",
]


def open_source(source: str, root: Path | None = None, network: NetworkUnits = UNKNOWN) -> ImageSource:
    """The data that `source` names: an `.npz`, a folder, a zip (`data.zip:folder/inside`), or a torchvision name.

    `root` is where torchvision keeps its data; `network` what the network takes. Raises DataError for what is missing,
    unreadable, or of no known kind.
    """
    dataset, address, path = NamedDataset.parse(source), split_address(source), Path(source)
    if dataset is not None:
        return open_named(dataset, root)
    if path.is_dir():
        return open_folder(path)
    if address is not None:
        return open_archive(_existing(address[0]), address[1])
    if _existing(path).suffix.lower() == ".npz":
        return open_npz(path, network)
    names = ", ".join(NamedDataset)
    raise DataError(f"{source}: not a supported kind of data; give an .npz, a folder, a .zip, or one of {names}")


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(f"{path}: no such file; give an .npz, a folder, a .zip, or one of {', '.join(NamedDataset)}")
    return path
