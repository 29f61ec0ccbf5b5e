"""What evidence says of itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from bnnaudit.evidence.errors import NoEvidenceError, RefusedError, shown
from bnnaudit.evidence.stores import MANIFEST, safe_name
from bnnaudit.evidence.table import Table
from bnnaudit.evidence.threat import Grid, Threat

SCHEMA = "bnnaudit-evidence/1"
ARRAYS, REPORT = "counterexamples.npz", "report.json"
DTYPES = ("float16", "float32", "float64", *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")))

LARGEST_IMAGE, LARGEST_BATCH = 2**25, 2**28
"""Numbers of one image, as many as bnnaudit takes, and of those that the model is given at a time: 1 GiB. Not tuned."""


@dataclass(frozen=True, slots=True)
class Session:
    """How a session of ONNX Runtime is opened: by default, or with the options that `sessions.py` has for these flags."""

    name: str
    exact_sums: bool
    unfused: bool


@dataclass(frozen=True, slots=True)
class Input:
    """From images in the network's range to its input: n = (x - mean) / std, then the order of axes, shape and type.

    shape: one image's, as it is stored here. network_shape: without the batch. batch: the size that the file insists on.
    chunk: images that the audit gave it at a time. output: the name of the scores. single, scale, zero_point: how the only
    score of an image is read, of which two classes are made.
    """

    shape: tuple[int, ...]
    network_shape: tuple[int, ...]
    layout: str
    channels: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    dtype: str
    batch: int | None
    chunk: int
    output: str
    single: str
    scale: float
    zero_point: float

    @property
    def words(self) -> str:
        """What somebody has to know who judges whether the model is fed as it is deployed."""
        parts = [f"{self.dtype} {'x'.join(map(str, self.network_shape))}", self.layout, self.channels]
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values:
                parts.append(f"{name} {' '.join(f'{value:g}' for value in values)}")
        if self.output:
            parts.append(f"output {shown(self.output, 60)!r}")
        if self.single:
            parts.append(f"one score, read as a {self.single}")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What evidence says of itself.

    external: files beside the model that hold weights of it, with their SHA-256. files: those of the evidence, by name, with
    SHA-256 and size. plain: whether ONNX Runtime alone runs the model as the audit did; `why` not.
    """

    model_sha256: str
    external: tuple[tuple[str, str], ...]
    classes: int
    format: str
    threat: Threat
    input: Input
    sessions: tuple[Session, ...]
    threads: int
    runtime: str
    plain: bool
    why: str
    count: int
    files: Mapping[str, tuple[str, int]]


def read_manifest(content: bytes) -> Manifest:
    """RefusedError where it is damaged or says what cannot be; NoEvidenceError where it is something else."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no number")

    try:
        document = json.loads(content, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise RefusedError(f"{MANIFEST} is damaged or cut off ({shown(error)})") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = shown(document.get("schema") if isinstance(document, dict) else "no object", 60)
        raise NoEvidenceError(f"{MANIFEST} is not {SCHEMA} (it says {found}); give what --evidence wrote")
    whole = Table(document)
    model, replay = whole.table("model"), whole.table("replay")
    sessions = tuple(
        Session(entry.text("name", "exact", "default"), entry.flag("exact_sums"), entry.flag("unfused"))
        for entry in replay.tables("sessions")
    )
    if not 1 <= len(sessions) <= 2:
        raise RefusedError(f"{MANIFEST}: replay.sessions has {len(sessions)} entries; one or two are needed")
    threat, given = _threat_of(whole.table("threat")), _input_of(replay.table("input"))
    if threat.grid is not None and len(threat.grid.steps) not in (1, given.shape[0]):
        raise whole.table("threat").wrong("grid", "one for all channels or one for each")
    return Manifest(
        model_sha256=model.digest("sha256"),
        external=tuple((safe_name(one.text("path")), one.digest("sha256")) for one in model.tables("external")),
        classes=model.count("num_classes", 2, 2**24),
        format=model.text("format"),
        threat=threat,
        input=given,
        sessions=sessions,
        threads=replay.count("threads", 1, 4096),
        runtime=replay.text("runtime"),
        plain=replay.flag("plain"),
        why=replay.text("why"),
        count=whole.table("counterexamples").count("count"),
        files={
            safe_name(one.text("path")): (one.digest("sha256"), one.count("bytes")) for one in whole.tables("files")
        },
    )


def _threat_of(table: Table) -> Threat:
    low, high = (*table.numbers("box"), math.nan, math.nan)[:2]
    if not low < high:
        raise table.wrong("box", "two numbers, the lower one first")
    grid = None
    if table.entries.get("grid") is not None:
        given = table.table("grid")
        grid = Grid(given.numbers("first"), given.numbers("last"), given.counts("steps", 1, 2**24))
        ends = zip(grid.first, grid.last, strict=False)
        if len({len(grid.first), len(grid.last), len(grid.steps)}) != 1 or not all(a < b for a, b in ends):
            raise table.wrong("grid", "a grid of rising values, with as many ends as steps")
    bits = None if table.entries.get("image_bits") is None else table.count("image_bits", 1, 16)
    norm = table.text("norm", "linf", "l2")
    return Threat(norm, table.number("eps", 0), low, high, grid, bits, table.flag("l2_per_channel"))


def _input_of(table: Table) -> Input:
    shape = table.counts("shape", 1, 2**24)
    network_shape = table.counts("network_shape", 1, 2**24)
    given = Input(
        shape=shape,
        network_shape=network_shape,
        layout=table.text("layout", "nchw", "nhwc", "flat"),
        channels=table.text("channels", "rgb", "bgr"),
        mean=table.numbers("mean"),
        std=table.numbers("std"),
        dtype=table.text("dtype", *DTYPES),
        batch=None if table.entries.get("batch") is None else table.count("batch", 1, 2**16),
        chunk=table.count("chunk", 1, 2**16),
        output=table.text("output"),
        single=table.text("single", "", "probability", "logit"),
        scale=table.number("scale"),
        zero_point=table.number("zero_point"),
    )
    numbers = math.prod(shape)
    if len(shape) not in (1, 3) or numbers != math.prod(network_shape) or numbers > LARGEST_IMAGE:
        raise table.wrong("shape", "that of an image which the network takes")
    if numbers * max(given.chunk, given.batch or 1) > LARGEST_BATCH:
        raise table.wrong("chunk", f"a number of images that together have at most {LARGEST_BATCH:,} numbers")
    for key, values in (("mean", given.mean), ("std", given.std)):
        if len(values) not in (0, 1, shape[0]) or (key == "std" and 0.0 in values):
            raise table.wrong(key, "one number for all channels or one for each, and no divisor zero")
    return given
