"""Names of files as text that can be written anywhere."""

from __future__ import annotations

import os
from pathlib import Path


def shown(name: Path | str) -> str:
    r"""The name of a file, whose bytes that are no UTF-8, lone surrogates in Python, become `\xff`."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def followed(path: Path) -> Path:
    """Where the path leads through links; where links lead to one another, as far as it does, which `Path.resolve` refuses.

    A name that no file can have, with a zero in it, leads to itself.
    """
    try:
        return Path(os.path.realpath(path))
    except ValueError:
        return Path(os.path.abspath(path))  # noqa: PTH100 - pathlib asks the system, which refuses it


def expanded(path: Path) -> Path:
    """The path with `~` and `~user` as the home folder they stand for; as it is where there is no such user."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
