"""The checkpoint of a training under way: a file that is always whole, and of one recipe and one data set."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch

from bnnaudit.core.errors import UsageError, one_line
from bnnaudit.core.part_files import part_beside
from bnnaudit.core.regular_file import open_regular
from bnnaudit.zoo.train.state import State

FORMAT = 1
"""Of the file; another version's is not read."""


def save_checkpoint(path: Path, state: State, digest: str) -> None:
    """Replaces the file by the state; a process that is killed meanwhile leaves the earlier one."""
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, "digest": digest, **state.stored()}, buffer)
    with part_beside(path, ".checkpoint") as part:
        with part.open("xb") as stream:
            stream.write(buffer.getbuffer())
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


def resume(path: Path, state: State, digest: str) -> bool:
    """Makes `state` that of the file, if there is one.

    Raises UsageError where the file is of another recipe, of other data, or cannot be read.
    """
    if not path.exists():
        return False
    stored = _read(path)
    if stored.get("digest") != digest:
        raise UsageError(
            f"{path}: the checkpoint of another recipe, or of other data; --restart trains anew, or name another --output"
        )
    try:
        state.restore(stored)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise UsageError(f"{path}: a damaged checkpoint ({one_line(error, 120)}); --restart trains anew") from error
    return True


def _read(path: Path) -> dict[str, Any]:
    try:
        with open_regular(path) as stream:
            stored = torch.load(stream, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:  # a damaged file makes torch's reader raise anything
        raise UsageError(
            f"{path}: not a readable checkpoint ({one_line(error, 120)}); --restart trains anew"
        ) from error
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise UsageError(f"{path}: not a checkpoint of this version's training; --restart trains anew")
    return stored
