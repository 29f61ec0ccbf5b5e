"""The files of evidence, and those of the model, against what the manifest states of them."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import IO

from bnnaudit.evidence.errors import NoEvidenceError, RefusedError, shown
from bnnaudit.evidence.manifest import ARRAYS, REPORT, Manifest
from bnnaudit.evidence.stores import MANIFEST, Store, is_file, read_up_to


def check_files(store: Store, manifest: Manifest) -> list[str]:
    """What is wrong with the evidence's files: missing, other than stated, or not stated."""
    names = set(store.names()) - {MANIFEST}
    problems = [f"{shown(name)} is not stated in {MANIFEST}" for name in sorted(names - manifest.files.keys())]
    problems += [f"{MANIFEST} does not state {name}" for name in (ARRAYS, REPORT) if name not in manifest.files]
    for name, (digest, size) in manifest.files.items():
        try:
            with store.open(name) as stream:
                found, length = digest_of(stream, size, name)
        except RefusedError as error:
            problems.append(str(error))
            continue
        if length != size:
            problems.append(f"{shown(name)} is {'longer' if length > size else 'shorter'} than the stated {size} bytes")
        elif found != digest:
            problems.append(f"{shown(name)} has the sha256 {found}, not {digest} as stated")
    return problems


def digest_of(stream: IO[bytes], most: float = math.inf, name: str = "the file") -> tuple[str, int]:
    """SHA-256 and length of a stream, which is read no further than a little beyond `most` bytes."""
    found, length = hashlib.sha256(), 0
    while length <= most and (part := read_up_to(stream, 1 << 20, name)):
        found.update(part)
        length += len(part)
    return found.hexdigest(), length


def check_model(model: Path, manifest: Manifest) -> tuple[bytes | str, list[str]]:
    """What a session is opened on, and what is wrong: another file than the audited one, or other weights beside it.

    That is the file's content, or its path where weights lie beside it.
    """
    try:
        content = model.read_bytes()
    except OSError as error:
        raise NoEvidenceError(f"{shown(model)}: cannot be read ({error.strerror})") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != manifest.model_sha256:
        return b"", [f"another model: {shown(model)} has the sha256 {digest}, the audited one {manifest.model_sha256}"]
    problems = []
    for name, stated in manifest.external:
        path = model.parent / name
        if not is_file(path):
            problems.append(f"{shown(name)}, which holds weights of the model, is not beside it")
            continue
        try:
            with path.open("rb") as stream:
                found, _ = digest_of(stream)
        except OSError as error:
            problems.append(f"{shown(name)}, which holds weights of the model, cannot be read ({error.strerror})")
            continue
        if found != stated:
            problems.append(f"{shown(name)}, which holds weights of the model, has the sha256 {found}, not {stated}")
    return (str(model) if manifest.external else content), problems
