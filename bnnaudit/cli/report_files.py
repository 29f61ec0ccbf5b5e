"""Files that a report is written to: `[FORMAT=]PATH`, the format told by its name or by the path's suffix."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bnnaudit.cli.paths import matching, written_file
from bnnaudit.cli.values import Kind
from bnnaudit.core.errors import UsageError, did_you_mean
from bnnaudit.reports.formats import (
    SUFFIXES,
    WRITE_COMPARISONS,
    WRITE_EVERYTHING,
    WRITE_HISTORIES,
    WRITE_REPRODUCTIONS,
    ReportFormat,
    format_of,
)


@dataclass(frozen=True, slots=True)
class ReportFile:
    """A file, what is written into it, and the option that names it."""

    format: ReportFormat
    path: Path
    option: str = "report"


def report_file(text: str, formats: Sequence[ReportFormat], option: str = "report") -> ReportFile:
    """`html=audit`, `./a=b.html` or `audit.html`; UsageError, which lists what is known, where the format or the path cannot be.

    A word before the first `=` is a format; a path that holds one starts with ./ or /.
    """
    name, equals, rest = text.partition("=")
    if not equals or not re.fullmatch(r"[\w-]+", name):
        path = written_file(text, option)
        return ReportFile(suffix_format(path, formats, option), path)
    if name.lower() not in formats:
        known = ", ".join(formats)
        raise UsageError(
            f"{option}: {name!r} is not a format this command writes{did_you_mean(name, formats)}; known: {known}"
        )
    return ReportFile(ReportFormat(name.lower()), written_file(rest, option))


def suffix_format(path: Path, formats: Sequence[ReportFormat], option: str) -> ReportFormat:
    """The format of that suffix; UsageError where it stands for none that the command writes."""
    format = format_of(path)
    if format is not None and format in formats:
        return format
    known = ", ".join(suffix for suffix, one in SUFFIXES.items() if one in formats)
    raise UsageError(f"{option}: the end of {path} is none of {known}; name the format, as in json={path}")


def _kind(formats: Sequence[ReportFormat]) -> Kind:
    """Completed to the formats, then to paths."""

    def parse(text: str) -> ReportFile:
        try:
            return report_file(text, formats)
        except UsageError as error:
            raise typer.BadParameter(str(error).partition(": ")[2]) from error

    def complete(incomplete: str) -> list[str]:
        name, equals, rest = incomplete.partition("=")
        if equals:
            return [f"{name}={found}" for found in matching(rest, tuple(SUFFIXES))]
        return [f"{format}=" for format in formats if format.startswith(incomplete)] + matching(
            incomplete, tuple(SUFFIXES)
        )

    return Kind("[FORMAT=]PATH", parse, complete)


AnyReportFile = Annotated[ReportFile, _kind(tuple(ReportFormat))]
ComparisonFile = Annotated[ReportFile, _kind(WRITE_COMPARISONS)]
HistoryFile = Annotated[ReportFile, _kind(WRITE_HISTORIES)]
ReproductionFile = Annotated[ReportFile, _kind(WRITE_REPRODUCTIONS)]
DocumentFile = Annotated[ReportFile, _kind(WRITE_EVERYTHING)]
"""In a format that writes documents of every kind."""
