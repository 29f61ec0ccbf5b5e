"""PyTorch's compiler, loaded without the folder that it makes: optimizers load it, and nothing is compiled here."""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module

COMPILER = "torch._dynamo"
FOLDER = "TORCHINDUCTOR_CACHE_DIR"
"""Variable that names the folder, which PyTorch makes when the compiler is imported."""


def load_compiler() -> None:
    """Imports the compiler, where it is not imported yet, and leaves no folder and no variable behind."""
    if COMPILER in sys.modules:
        return
    before = os.environ.get(FOLDER)
    os.environ[FOLDER] = before or tempfile.gettempdir()
    try:
        import_module(COMPILER)
    finally:
        if before is None:
            os.environ.pop(FOLDER, None)
