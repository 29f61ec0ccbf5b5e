"""PyTorch's compiler without the folder that it makes among the temporary files: optimizers load it, and nothing is compiled."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

FOLDER = "TORCHINDUCTOR_CACHE_DIR"
"""Variable that names the folder, which PyTorch makes wherever it looks for it, from the import of the compiler on."""


@contextmanager
def no_compiler_folder() -> Iterator[None]:
    """While it is entered, the folder is one that is there, if the user has not chosen one."""
    before = os.environ.get(FOLDER)
    os.environ[FOLDER] = before or tempfile.gettempdir()
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(FOLDER, None)
