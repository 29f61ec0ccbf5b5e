"""Reports of an earlier run in the files that a command names but, because its words are wrong, never comes to write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bnnaudit.cli.delivery import is_earlier, replace_reports
from bnnaudit.cli.paths import MODEL_SUFFIXES, is_same
from bnnaudit.cli.report_files import ReportFile, report_file
from bnnaudit.cli.session import provenance
from bnnaudit.core.errors import UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.file_name import followed
from bnnaudit.reports.formats import ReportFormat, format_of

UNNAMED = "no model"
KEEPS_REPORTS = "check"
"""The command that writes to a folder of reports."""


def replace_named(words: Sequence[str], message: str, code: ExitCode) -> None:
    """Writes what is wrong with the command line into the reports that it names and that are there already."""
    files = named_reports(words)
    if files:
        from bnnaudit.core.suite import Failure

        models = " ".join(word for word in words if Path(word).suffix.lower() in MODEL_SUFFIXES)
        replace_reports(Failure(provenance(), models or UNNAMED, message, code), files)


def named_reports(words: Sequence[str]) -> tuple[ReportFile, ...]:
    """The files that a command line names as reports, as far as it can be read, if they are there and nothing else names them.

    What it names for another purpose as well may be a file that is read.
    """
    found = [(places, file) for places, file in _named(words) if is_earlier(file.path)]
    written = {place for places, _ in found for place in places}
    others = [Path(word.rpartition("=")[2]) for place, word in enumerate(words) if place not in written]
    read = [path for path in others if path.is_file()]
    histories = [followed(folder) for folder in _histories(words)]
    return tuple(
        file
        for _, file in found
        if not any(is_same(path, file.path) for path in read)
        and not any(folder in followed(file.path).parents for folder in histories)
    )


def _histories(words: Sequence[str]) -> Iterator[Path]:
    """Folders whose reports are read: those of `history`, and not the one that `check` adds to."""
    if words[:1] != [KEEPS_REPORTS]:
        yield from (Path(value) for _, option, value in _options(words) if option == "--history")


def _named(words: Sequence[str]) -> Iterator[tuple[tuple[int, ...], ReportFile]]:
    """The places of the words that name a report, and the report."""
    for places, option, value in _options(words):
        try:
            if option == "--report":
                yield places, report_file(value, tuple(ReportFormat))
            elif option in ("--output", "-o"):
                yield (
                    places,
                    ReportFile(_format_said(words) or format_of(Path(value)) or ReportFormat.TERMINAL, Path(value)),
                )
        except (UsageError, OSError):
            continue


def _format_said(words: Sequence[str]) -> ReportFormat | None:
    said = [value.lower() for _, option, value in _options(words) if option == "--format"]
    return ReportFormat(said[-1]) if said and said[-1] in list(ReportFormat) else None


def _options(words: Sequence[str]) -> Iterator[tuple[tuple[int, ...], str, str]]:
    """What looks like an option with a value: its places, its name and the value."""
    for place, (word, after) in enumerate(zip(words, (*words[1:], ""), strict=False)):
        name, equals, value = word.partition("=")
        if word.startswith("--") and equals:
            yield (place,), name, value
        elif word.startswith("-o") and word != "-o":
            yield (place,), "-o", word[2:]
        elif word.startswith("-"):
            yield (place, place + 1), word, after
