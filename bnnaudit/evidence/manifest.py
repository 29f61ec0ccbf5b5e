"""What evidence says of itself."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bnnaudit.evidence.errors import NoEvidenceError, RefusedError, exact, shown
from bnnaudit.evidence.limits import BATCH_NUMBERS, IMAGE_NUMBERS, VALUES
from bnnaudit.evidence.stores import MANIFEST, safe_name
from bnnaudit.evidence.table import Table
from bnnaudit.evidence.threat import Grid, Threat

SCHEMA = "bnnaudit-evidence/1"
ARRAYS, REPORT = "counterexamples.npz", "report.json"
DTYPES = ("float16", "float32", "float64", *(f"{sign}int{bits}" for bits in (8, 16, 32, 64) for sign in ("", "u")))

LISTED = 4
"""Means, or divisors, that are written out: one for each channel of a picture."""
MOST_AXES = 3
"""Axes of an image, as many as bnnaudit takes."""
ON_GRID = 1e-6
"""Part of a whole number by which arithmetic may miss it. Not tuned."""
BETWEEN = b",[{"
"""What values stand behind in JSON; in texts these signs stand as well, so that they count for more values than there are."""


@dataclass(frozen=True, slots=True)
class Session:
    """How a session of ONNX Runtime is opened: by default, or with the options that `sessions.py` has for these flags."""

    name: str
    exact_sums: bool
    unfused: bool

    @property
    def words(self) -> str:
        """Its name, which is only a name, and how it is opened."""
        options = [text for held, text in ((self.exact_sums, "exact sums"), (self.unfused, "not fused")) if held]
        return f"{self.name} ({', '.join(options) or 'no options'})"


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
                parts.append(f"{name} {_listed(values)}")
        if self.output:
            parts.append(f"output {shown(self.output, 60)!r}")
        if self.single:
            parts.append(f"one score, read as a {self.single}")
            if (self.scale, self.zero_point) != (1, 0):
                parts.append(f"of (score - {exact(self.zero_point)}) * {exact(self.scale)}")
        return ", ".join(parts)


def _listed(values: tuple[float, ...]) -> str:
    """A few numbers in full; of many, such as one for each pixel of a vector, how many and between which."""
    if len(values) <= LISTED:
        return " ".join(map(exact, values))
    return f"{len(values)} numbers from {exact(min(values))} to {exact(max(values))}"


@dataclass(frozen=True, slots=True)
class Data:
    """The images that counterexamples were looked for; labelled: by themselves, and not by the model's own answers."""

    source: str
    sha256: str
    labelled: bool

    @property
    def words(self) -> str:
        """In one line."""
        labels = "labelled" if self.labelled else "unlabelled: the labels are the model's own answers"
        return f"{shown(self.source, 100)}, sha256 {shown(self.sha256, 64)}, {labels}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What evidence says of itself.

    data: what images it is of. external: files beside the model that hold weights of it, with their SHA-256. files:
    those of the evidence, by name, with SHA-256 and size. stated_threat: the threat as it stands in the document. plain: whether
    ONNX Runtime alone runs the model as the audit did; `why` not. left_out: counterexamples of the report that are not there.
    """

    model_sha256: str
    data: Data
    external: tuple[tuple[str, str], ...]
    classes: int
    format: str
    threat: Threat
    stated_threat: Mapping[str, object]
    input: Input
    sessions: tuple[Session, ...]
    threads: int
    runtime: str
    plain: bool
    why: str
    count: int
    left_out: int
    files: Mapping[str, tuple[str, int]]


def read_manifest(content: bytes) -> Manifest:
    """RefusedError where it says what cannot be; NoEvidenceError where it cannot be read or is something else."""

    def refuse(constant: str) -> float:
        raise ValueError(f"{constant} is no number")

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(entries := dict(pairs)) < len(pairs):
            raise ValueError("a key is there twice, so that it can be read in two ways")
        return entries

    require_few_values(content, MANIFEST)
    try:
        document = json.loads(content, parse_constant=refuse, object_pairs_hook=once)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NoEvidenceError(f"{MANIFEST} is damaged or cut off ({shown(error)})") from error
    except ValueError as error:  # of the two above, and of a number with thousands of digits
        raise RefusedError(f"{MANIFEST} is damaged ({shown(error)})") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = shown(document.get("schema") if isinstance(document, dict) else "no object", 60)
        raise NoEvidenceError(f"{MANIFEST} is not {SCHEMA} (it says {found}); give what --evidence wrote")
    whole = Table(document)
    model, data, replay = (whole.table(key) for key in ("model", "data", "replay"))
    threat, given = _threat_of(whole.table("threat")), _input_of(replay.table("input"))
    _check_grid(threat, given, whole.table("threat"))
    return Manifest(
        model_sha256=model.digest("sha256"),
        data=Data(data.text("source"), data.text("sha256"), data.flag("labelled")),
        external=tuple((safe_name(one.text("path")), one.digest("sha256")) for one in model.tables("external")),
        classes=model.count("num_classes", 2, 2**24),
        format=model.text("format"),
        threat=threat,
        stated_threat=whole.table("threat").entries,
        input=given,
        sessions=_sessions_of(replay),
        threads=replay.count("threads", 1, 4096),
        runtime=replay.text("runtime"),
        plain=replay.flag("plain"),
        why=replay.text("why"),
        count=whole.table("counterexamples").count("count"),
        left_out=whole.table("counterexamples").count("left_out"),
        files={
            safe_name(one.text("path")): (one.digest("sha256"), one.count("bytes")) for one in whole.tables("files")
        },
    )


def _sessions_of(replay: Table) -> tuple[Session, ...]:
    sessions = tuple(
        Session(entry.text("name", "exact", "default"), entry.flag("exact_sums"), entry.flag("unfused"))
        for entry in replay.tables("sessions")
    )
    if not 1 <= len(sessions) <= 2 or len({session.name for session in sessions}) < len(sessions):
        raise replay.wrong("sessions", "one session, or two of different names")
    if any(session.name == "default" and (session.exact_sums or session.unfused) for session in sessions):
        raise replay.wrong("sessions", "right: the default session is opened without options")
    return sessions


def _check_grid(threat: Threat, given: Input, table: Table) -> None:
    """RefusedError where an input of whole numbers could take other values than the threat has: rounding would move images."""
    grid = threat.grid
    if grid is not None and len(grid.steps) not in (1, given.shape[0]):
        raise table.wrong("grid", "one for all channels or one for each")
    if np.dtype(given.dtype).kind not in "iu":
        return
    if grid is None:
        raise table.wrong("grid", f"there, though the input takes {given.dtype}")
    arrays = [np.array(values, np.float64) for values in (grid.first, grid.last, given.mean or (0,), given.std or (1,))]
    first, last, mean, std = arrays
    ends = (np.stack(np.broadcast_arrays(first, last, mean, std)[:2]) - mean) / std
    exactly = np.abs(ends - ends.round()) <= ON_GRID * np.maximum(1, np.abs(ends))
    if not exactly.all() or not (np.abs(ends[1] - ends[0]).round() == grid.steps).all():
        raise table.wrong("grid", f"that of {given.dtype} under this mean and std")


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
    norm, eps = table.text("norm", "linf", "l2"), table.number("eps", 0)
    if norm == "linf" and eps > 1:
        raise table.wrong("eps", "at most 1, the whole range of a pixel")
    return Threat(norm, eps, low, high, grid, bits, table.flag("l2_per_channel"))


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
    if (
        len(shape) not in (1, 3)
        or len(network_shape) > MOST_AXES
        or numbers != math.prod(network_shape)
        or IMAGE_NUMBERS.exceeded_by(numbers)
    ):
        raise table.wrong("shape", "that of an image which the network takes")
    if BATCH_NUMBERS.exceeded_by(numbers * max(given.chunk, given.batch or 1)):
        raise table.wrong("chunk", f"a number of images that together have at most {BATCH_NUMBERS.most:,} numbers")
    if given.batch is not None and given.chunk > given.batch:
        raise table.wrong("chunk", "at most the batch that the model insists on")
    if not given.scale > 0:
        raise table.wrong("scale", "above 0")
    for key, values in (("mean", given.mean), ("std", given.std)):
        if len(values) not in (0, 1, shape[0]) or (key == "std" and 0.0 in values):
            raise table.wrong(key, "one number for all channels or one for each, and no divisor zero")
    return given


def require_few_values(content: bytes, name: str) -> None:
    """Raises RefusedError for JSON of more values than there may be; an empty list takes three bytes in it and 64 in memory."""
    if VALUES.exceeded_by(values := sum(content.count(sign) for sign in BETWEEN)):
        raise RefusedError(f"{name} has {VALUES.refused(f'up to {values:,} {VALUES.unit}')}")
