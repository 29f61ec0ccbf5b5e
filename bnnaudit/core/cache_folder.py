"""The user's cache: files that are kept between runs, that may be deleted at any time, and that come there whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from bnnaudit.core.file_name import expanded
from bnnaudit.core.part_files import part_beside


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/bnnaudit`, by default `~/.cache/bnnaudit` (XDG Base Directory Specification)."""
    stated = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(stated) if os.path.isabs(stated) else expanded(Path("~/.cache"))  # noqa: PTH117 - an empty text is no path
    return base / "bnnaudit"


@contextmanager
def kept_whole(place: Path) -> Iterator[BinaryIO]:
    """A stream whose content is at `place` once the block is left, and never in part.

    Of several processes that write there at once the last one counts. Raises OSError where it cannot be written.
    """
    if not place.is_absolute():  # a user without a home folder
        raise FileNotFoundError(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    with part_beside(place, place.suffix) as part:
        with part.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(place)
