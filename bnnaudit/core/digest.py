"""The digests by which a report names the files that it speaks of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bnnaudit.core.regular_file import open_regular


def sha256_of(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's bytes."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_listing(entries: Iterable[tuple[str, int]]) -> str:
    """SHA-256 of a tree by its files' names and sizes, in the order of the names; cheap where the files are many.

    A name that is not UTF-8 has lone surrogates in Python, which are digested as they are.
    """
    lines = (f"{name}\t{size}\n" for name, size in sorted(entries))
    return hashlib.sha256("".join(lines).encode("utf-8", "surrogatepass")).hexdigest()
