"""What a run may do and what it may not, judged from its exit code, its streams and the files that are there afterwards."""

from __future__ import annotations

import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench.fuzz.case import Case
from tests.bench.fuzz.running import BYTES, SECONDS, Ending, Place

PASSED, FAILED, BAD_INPUT, UNFINISHED = range(4)
ALLOWED = (PASSED, FAILED, BAD_INPUT, UNFINISHED)
# Words of libraries and of the program where the system refused memory: a machine without a limit would have given it.
ALLOCATION = re.compile(
    "bad_alloc|bad allocation|n't allocate|out of memory|not enough memory|memoryerror", re.IGNORECASE
)
HARMLESS = "\n"
"""The only sign on a stream that is none."""
FORMATTING = frozenset("\u200b\u200c\u200d\u2060\ufeff")
"""Of Unicode's formatting signs those that change no order and hide no line; a font may need them."""
QONNX = b"qonnx.custom_op"
DECIDED = {PASSED: "passed", FAILED: "failed"}


def problems_of(case: Case, place: Place, ending: Ending, seconds: float = SECONDS, bytes_: int = BYTES) -> list[str]:
    """Everything about the run that is not allowed, each in a line that begins with its kind."""
    return [
        *_of_ending(ending, seconds, bytes_),
        *_of_streams(case, ending),
        *_of_files(case, place),
        *(f"act: {act}" for act in ending.acts),
        *_of_answer(case, place, ending),
    ]


def _of_ending(ending: Ending, seconds: float, bytes_: int) -> Iterator[str]:
    if ending.stopped == "hang" or max(ending.seconds, ending.processor) > seconds:
        yield f"hang: {ending.seconds:.1f} s, {ending.processor:.1f} s of processor time"
    if ending.stopped == "memory" or ending.peak > bytes_:
        yield f"memory: {ending.peak / 2**30:.2f} GiB"
    elif ALLOCATION.search(ending.err.decode("utf-8", "replace")):
        yield "memory: refused by the system alone"
    if ending.stopped:
        return
    if ending.code < 0:
        yield f"signal: {-ending.code}"
    elif ending.code not in ALLOWED:
        yield f"exit code: {ending.code}"


def _of_streams(case: Case, ending: Ending) -> Iterator[str]:
    out = ending.out.replace(b"\r\n", b"\n") if "csv" in case.arguments else ending.out  # as RFC 4180 ends lines
    for name, content in (("stdout", out), ("stderr", ending.err)):
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            yield f"encoding: {name} is not UTF-8 ({error.reason})"
            text = content.decode("utf-8", "replace")
        if "Traceback (most recent call last)" in text:
            yield f"traceback: on {name}"
        if steering := sorted({sign for sign in text if steers(sign)}):
            yield f"control character: {name} has {', '.join(map(ascii, steering[:5]))}"
    if ending.stopped:
        return
    lines = [line for line in ending.err.decode("utf-8", "replace").splitlines() if line.strip()]
    if ending.code not in ALLOWED:
        return
    most = 0 if ending.code in DECIDED else 1
    least = int(ending.code == BAD_INPUT and not ending.out.strip())  # a document says it as well
    if not least <= len(lines) <= most:
        yield f"lines on stderr: {len(lines)} with exit code {ending.code}"


def steers(sign: str) -> bool:
    """Whether a sign controls a terminal, the order of a text or where its lines end."""
    if sign in HARMLESS or sign in FORMATTING:
        return False
    return unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp", "Cs")


def _of_files(case: Case, place: Place) -> Iterator[str]:
    """Inputs that changed, and files that nobody asked for."""
    for name, content in case.files.items():
        path = place.inside / name
        if not path.is_file() or path.is_symlink() or path.read_bytes() != content:
            yield f"changed: {name!r}"
    for name, target in case.links.items():
        path = place.inside / name
        if not path.is_symlink() or str(path.readlink()) != target:
            yield f"changed: the link {name!r}"
    known = {*case.files, *case.links}
    folders = {str(parent) for name in known for parent in Path(name).parents}
    for path in sorted(place.around.rglob("*")):
        if path.parent == place.around:
            continue
        inside = path.is_relative_to(place.inside)
        name = str(path.relative_to(place.inside if inside else place.around))
        expected = folders if stat.S_ISDIR(path.lstat().st_mode) else known
        if not inside or not (name in expected or _is_asked_for(name, case.written)):
            yield f"written: {name!r}"


def _is_asked_for(name: str, written: tuple[str, ...]) -> bool:
    return any(name == one or name.startswith(f"{one}/") for one in written)


def _of_answer(case: Case, place: Place, ending: Ending) -> Iterator[str]:
    """A pass that says nothing, or something else than its report."""
    if ending.stopped or ending.code not in DECIDED:
        return
    if not ending.out.strip() and not any((place.inside / name).exists() for name in case.written):
        yield f"no answer: exit code {ending.code} and nothing written"
    if not case.report:
        return
    try:
        content = ending.out if case.report == "-" else (place.inside / case.report).read_bytes()
        report: Any = json.loads(content)
        outcome, verdict = report["gate"]["outcome"], report["verdict"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        yield f"no answer: exit code {ending.code} without a report ({type(error).__name__})"
        return
    if outcome != DECIDED[ending.code] or not verdict:
        yield f"answer: exit code {ending.code}, the report says {str(outcome)[:40]!r}"
    elif why := _unloadable(place.inside / case.arguments[1]):
        yield f"answer: exit code {ending.code} about a model that does not load ({why})"


def _unloadable(model: Path) -> str:
    """Why a model's own runtime does not load it, or nothing: for an ONNX file without the dialect that only a copy is run of."""
    content = model.read_bytes() if model.suffix == ".onnx" else b""
    if not content or QONNX in content:
        return ""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            import onnxruntime

            onnxruntime.set_default_logger_severity(4)
            onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode("utf-8", "replace")[:200])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read().decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return told if code == 0 else f"signal {-code}"
