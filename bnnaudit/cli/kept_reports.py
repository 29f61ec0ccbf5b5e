"""The folder of a history: each report in a file of its own, which nothing overwrites."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli.complaints import complain
from bnnaudit.core.errors import ReportError, UsageError
from bnnaudit.core.exit_codes import ExitCode, worst
from bnnaudit.core.part_files import part_beside
from bnnaudit.core.threat import length_text

if TYPE_CHECKING:
    from bnnaudit.core.history import SkippedFile
    from bnnaudit.core.report import Report
    from bnnaudit.core.suite import Failure
    from bnnaudit.releases.history import Kept

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST = 60
"""Characters of a model's name in that of its folder; with the digits behind them it is far below the 255 bytes that file systems
take."""
_DIGITS = 8
"""Digits of a SHA-256 that tell apart names which look the same once they are made safe. Not tuned."""


def keep_reports(entries: Iterable[Report | Failure], folder: Path | None) -> ExitCode:
    """Keeps every report among the entries where a folder is named; says so, and returns another code, where one cannot be."""
    if folder is None:
        return ExitCode.PASSED
    from bnnaudit.core.report import Report

    codes = [ExitCode.PASSED]
    for entry in entries:
        if isinstance(entry, Report):
            try:
                keep(entry, folder)
            except UsageError as error:
                codes.append(complain(str(error), ExitCode.BAD_INPUT))
    return worst(codes)


def keep(report: Report, folder: Path) -> Path:
    """Writes the report below the folder, under the model's name, and returns its file.

    All of it or nothing; a file that is there is never replaced. Raises UsageError where it cannot be written.
    """
    from bnnaudit.reports.json.writer import write_json
    from bnnaudit.reports.page import Page

    place = folder / _folder_of(report.model.path)
    stem = _stem_of(report)
    try:
        place.mkdir(parents=True, exist_ok=True)
        with part_beside(place / stem) as part:
            part.write_text(write_json(report, Page()), encoding="utf-8")
            return _named(part, place, stem)
    except OSError as error:
        raise UsageError(f"history: {folder} cannot be written ({error.strerror}); choose another --history") from error


def _named(part: Path, place: Path, stem: str) -> Path:
    """Gives the finished file a name that no other has; a second report of the same second gets a number."""
    for number in count(1):
        path = place / (f"{stem}.json" if number == 1 else f"{stem}-{number}.json")
        try:
            os.link(part, path)
        except FileExistsError:
            continue
        return path
    raise AssertionError("there is always another number")


def _folder_of(model: str) -> str:
    """The model's file name as far as it is safe in one, with digits of its digest where it is not the name itself."""
    from bnnaudit.releases.comparability import model_name

    name = model_name(model)
    safe = _UNSAFE.sub("_", name)[:_LONGEST].strip("._") or "model"
    return safe if safe == name else f"{safe}-{sha256(name.encode('utf-8', 'surrogateescape')).hexdigest()[:_DIGITS]}"


def _stem_of(report: Report) -> str:
    """`20261128T003412Z-linf-8_255-3f3f3f3f`: when, under what, and which model."""
    threat = report.threat
    try:
        moment = f"{datetime.fromisoformat(report.provenance.created).astimezone(UTC):%Y%m%dT%H%M%SZ}"
    except ValueError:
        moment = "undated"
    parts = (moment, str(threat.norm), length_text(threat.eps), report.model.sha256[:_DIGITS] or "model")
    return "-".join(_UNSAFE.sub("_", part) for part in parts)


def kept_reports(folder: Path) -> tuple[list[Kept], list[SkippedFile]]:
    """Every report in the JSON files below the folder, in the order of their names, and the files that are none.

    Raises ReportError where there is no such folder.
    """
    from bnnaudit.core.history import SkippedFile
    from bnnaudit.core.suite import Suite
    from bnnaudit.reports.json.reading import read_file

    if not folder.is_dir():
        raise ReportError(f"{folder}: no such folder; `bnnaudit check --history {folder}` makes it")
    kept: list[Kept] = []
    skipped: list[SkippedFile] = []
    for path in _json_files(folder):
        name = path.relative_to(folder).as_posix()
        try:
            document = read_file(path)
        except ReportError as error:
            skipped.append(SkippedFile(name, str(error).removeprefix(f"{path}: ").partition("; write it again")[0]))
            continue
        kept += [(name, entry) for entry in (document.entries if isinstance(document, Suite) else (document,))]
    return kept, skipped


def _json_files(folder: Path) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob("*.json") if path.is_file())
