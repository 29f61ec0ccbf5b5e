"""Images and labels: where they come from, and the sample that is audited.

Adding a kind of source is a file and a case in `open_source`.
"""

from __future__ import annotations

from pathlib import Path

from bnnaudit.core.dataset import NamedDataset, require_data, split_address
from bnnaudit.data.class_folders import open_archive, open_folder
from bnnaudit.data.fitting import common_shape
from bnnaudit.data.named import open_named
from bnnaudit.data.npz import open_npz
from bnnaudit.data.npz_units import UNKNOWN, NetworkUnits
from bnnaudit.data.part import DataPart
from bnnaudit.data.pictures import ImageSource
from bnnaudit.data.sample import Sample, take_pool, take_sample

__all__ = [
    "DataPart",
    "ImageSource",
    "NetworkUnits",
    "Sample",
    "common_shape",
    "open_source",
    "take_pool",
    "take_sample",
]


def open_source(
    source: str,
    root: Path | None = None,
    network: NetworkUnits = UNKNOWN,
    wanted: DataPart = DataPart.HELD_OUT,
) -> ImageSource:
    """The data that `source` names: an `.npz`, a folder, a zip (`data.zip:folder/inside`), or a torchvision name.

    `root` is where torchvision keeps its data; `network` what the network takes; `wanted` the part
    that is read where there are several. Raises DataError for what is missing,
    unreadable, or of no known kind.
    """
    require_data(source)
    dataset, address = NamedDataset.parse(source), split_address(source)
    if dataset is not None:
        return open_named(dataset, root, wanted)
    if Path(source).is_dir():
        return open_folder(Path(source), wanted)
    if address is not None:
        return open_archive(*address, wanted)
    return open_npz(Path(source), network, wanted)
