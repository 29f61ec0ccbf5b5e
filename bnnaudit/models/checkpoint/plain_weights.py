"""Whether a file that torch.save wrote holds weights and nothing that could harm whoever reads it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping
from pathlib import Path

import torch

from bnnaudit.core.archive import ArchiveError, open_zip, read_member, refuse_twins
from bnnaudit.core.file_limits import PICKLE_BYTES
from bnnaudit.models.checkpoint.pickle_plan import BrokenPickleError, PicklePlan, RefusedPickleError, plan_of

ZIP = b"PK\x03\x04"
"""By this torch tells a zip from its older format."""
OLD_PARTS = 5
"""Pickles in the older format: a number, a version, a machine, the values, and the keys of their storages."""
OBJECT = 3
"""Which of them holds the values."""

BYTES = {
    **dict.fromkeys(("Double", "Long", "ComplexFloat"), 8),
    **dict.fromkeys(("Float", "Int", "QInt32"), 4),
    **dict.fromkeys(("Half", "BFloat16", "Short"), 2),
    "ComplexDouble": 16,
}
"""Bytes of a value by the type of its storage."""


def require_plain_weights(path: Path) -> bool:
    """Whether the file is a zip, once it is known to be plain weights.

    Raises RefusedPickleError, ForeignNameError or ArchiveError for any other, and for one that states more than it holds.
    """
    with path.open("rb") as stream:
        zipped = stream.read(len(ZIP)) == ZIP
    if zipped:
        _require_zip(path)
    else:
        _require_old_format(path)
    return zipped


def _require_zip(path: Path) -> None:
    with open_zip(path) as archive:
        entries = archive.infolist()
        packed = next((entry for entry in entries if entry.compress_type != zipfile.ZIP_STORED), None)
        if packed is not None:
            raise ArchiveError(f"{packed.filename[:80]} is compressed, as torch.save never writes it")
        # torch looks names up in any case.
        refuse_twins([entry.filename.lower() for entry in entries])
        root = entries[0].filename.partition("/")[0] if entries else ""
        held = {entry.filename.removeprefix(f"{root}/"): entry for entry in entries}
        if "data.pkl" not in held:
            raise ArchiveError("holds no data.pkl")
        pickled = read_member(archive, held["data.pkl"], PICKLE_BYTES)
    _require_same_view(path, held, pickled)
    plan = _plan(io.BytesIO(pickled))
    for key, kind, count in plan.storages:
        entry = held.get(f"data/{key}")
        if entry is None or count * _bytes_of(kind) > entry.file_size:
            raise BrokenPickleError(f"it states {count:,} values where it holds fewer")


def _require_same_view(path: Path, held: Collection[str], pickled: bytes) -> None:
    """Raises ArchiveError where torch's reader of zips finds other members than Python's, as in a file made of two."""
    try:
        reader = torch._C.PyTorchFileReader(str(path))
        same = set(reader.get_all_records()) == set(held) and reader.get_record("data.pkl") == pickled
    except RuntimeError as error:
        raise ArchiveError("torch cannot read its table of contents") from error
    if not same:
        raise ArchiveError("two tables of contents that differ")


def _require_old_format(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = io.BytesIO(file.read(PICKLE_BYTES.to_read))
    plans = [_plan(start) for _ in range(OLD_PARTS)]
    stated: Mapping[object, int] = {key: count * _bytes_of(kind) for key, kind, count in plans[OBJECT].storages}
    if sum(stated.values()) > size:
        raise BrokenPickleError(f"it states {sum(stated.values()):,} bytes of values in a file of {size:,}")


def _plan(stream: io.BytesIO) -> PicklePlan:
    added = {
        entry[1] if isinstance(entry, tuple) else f"{entry.__module__}.{entry.__qualname__}"
        for entry in torch.serialization.get_safe_globals()
    }
    plan = plan_of(stream, added)
    if not plan.complete:
        raise RefusedPickleError("its pickle has instructions that no reader of weights knows")
    return plan


def _bytes_of(kind: str) -> int:
    """Bytes of a value in a storage of a type such as `torch.FloatStorage`; 1 where the type is none of the usual ones."""
    return BYTES.get(kind.rpartition(".")[2].removesuffix("Storage"), 1)
