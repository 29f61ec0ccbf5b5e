"""Kept reports sorted into a history: by model and threat, the oldest first."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePath

from bnnaudit.core.errors import ReportError, did_you_mean
from bnnaudit.core.history import History, KeptRelease, Series, SkippedFile
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure, exit_code_of
from bnnaudit.releases.comparability import model_name, release_of
from bnnaudit.releases.comparing import Key, key_of

Kept = tuple[str, Report | Failure]
"""A file below the folder, and an entry of the document in it."""


def history_of(
    kept: Iterable[Kept], skipped: Iterable[SkippedFile], folder: str, name: str, made: Provenance
) -> History:
    """The history of the model of that name, with or without its suffix, or of all models where it is empty.

    An audit that gave no report is skipped with its reason. Raises ReportError where no model has that name, or there is none.
    """
    found: dict[Key, list[tuple[str, Report]]] = {}
    passed_over = list(skipped)
    for file, entry in kept:
        if isinstance(entry, Failure):
            passed_over.append(SkippedFile(file, f"{entry.model} could not be audited: {entry.message}"))
        else:
            found.setdefault(key_of(entry), []).append((file, entry))
    series = tuple(_series(reports) for reports in found.values())
    names = sorted({one.model for one in series})
    if not names:
        more = f"; 1 file or more is none, such as {passed_over[0].file}" if passed_over else ""
        raise ReportError(
            f"{folder}: there is no report of an audit{more}; `bnnaudit check --history {folder}` keeps them"
        )
    wanted = [one for one in series if not name or name in (one.model, PurePath(one.model).stem)]
    if not wanted:
        raise ReportError(
            f"{folder}: no report of a model {name!r}{did_you_mean(name, names)}; there are {', '.join(names)}"
        )
    ordered = sorted(wanted, key=lambda one: (one.model, str(one.threat.norm), one.threat.eps))
    return History(made, folder, name, tuple(ordered), tuple(passed_over))


def _series(reports: list[tuple[str, Report]]) -> Series:
    ordered = sorted(reports, key=lambda one: (_moment(one[1].provenance.created), one[0]))
    (_, first), *_ = ordered
    releases = tuple(KeptRelease(file, release_of(report), exit_code_of(report)) for file, report in ordered)
    return Series(model_name(first.model.path), first.threat, releases)


def _moment(created: str) -> datetime:
    """The time of a report; one that is none comes first."""
    try:
        moment = datetime.fromisoformat(created)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
