"""Images from a folder of class folders, or from a folder of images without labels."""

from __future__ import annotations

import os
from pathlib import Path

from bnnaudit.data.listing import sha256_of_listing
from bnnaudit.data.pictures import PictureSource
from bnnaudit.data.tree import arrange


def open_folder(path: Path) -> PictureSource:
    """Lists the image files below `path`; none is decoded yet. Raises DataError where there are none, or no clear order."""
    names, empty = [], []
    for folder, folders, files in os.walk(path):
        here = Path(folder).relative_to(path)
        names += [(here / file).as_posix() for file in files]
        if not folders and not files:
            empty.append(here.as_posix())
    found = arrange(str(path), names, empty)
    listing = ((name, (path / name).stat().st_size) for name in found.files)
    return PictureSource(
        name=f"{path.resolve().name}/{found.part}".rstrip("/"),
        where=str(path),
        files=found.files,
        targets=found.targets,
        class_names=found.class_names,
        fetch=lambda name: (path / name).read_bytes(),
        sha256=sha256_of_listing(listing),
    )
