"""Files that libraries keep for themselves, such as lists of fonts: a command writes what it was asked for and nothing else."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bnnaudit.core.file_name import expanded
from bnnaudit.core.part_files import part_beside

PLACES = {"MPLCONFIGDIR": "matplotlib", "TORCHINDUCTOR_CACHE_DIR": "torch"}
"""Variables by which libraries are told where to keep them, and names of folders for it."""
OF_MATPLOTLIB = {"XDG_CONFIG_HOME": "~/.config", "XDG_CACHE_HOME": "~/.cache"}
"""Where matplotlib keeps settings and fonts in a folder of its own, which whoever uses it has."""


@contextmanager
def thrown_away() -> Iterator[None]:
    """Has libraries that are imported meanwhile keep their files in a folder that is removed at the end.

    Those that the user has told a place keep them there, and so does a matplotlib that has been used before.
    """
    chosen = [name for name in PLACES if name not in os.environ]
    places = [Path(os.environ.get(name) or usual, "matplotlib") for name, usual in OF_MATPLOTLIB.items()]
    if any(expanded(place).exists() for place in places):
        chosen = [name for name in chosen if name != "MPLCONFIGDIR"]
    with part_beside(Path(tempfile.gettempdir()) / "bnnaudit") as folder:
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700)
            for name in chosen:
                (folder / PLACES[name]).mkdir()
                os.environ[name] = str(folder / PLACES[name])
        try:
            yield
        finally:
            for name in chosen:
                os.environ.pop(name, None)
