"""The digest by which a report names the files it speaks of."""

import hashlib
from pathlib import Path


def sha256_of(path: Path) -> str:
    """SHA-256 (hexadecimal) of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
