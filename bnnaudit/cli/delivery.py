"""Where documents go: every file that was asked for, then stdout; and what goes there when there is no report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli import interrupts, options
from bnnaudit.cli.complaints import complain, complain_of, explained
from bnnaudit.cli.named_files import named_in_settings
from bnnaudit.cli.paths import WouldOverwriteError, is_evidence, is_kept, is_same
from bnnaudit.cli.report_files import ReportFile, suffix_format
from bnnaudit.cli.streams import UndeliveredError, deliver, give_up_stdout, page_for
from bnnaudit.core.descriptors import descriptor_of
from bnnaudit.core.errors import AuditError
from bnnaudit.core.exit_codes import ExitCode, worst
from bnnaudit.core.provenance import Provenance
from bnnaudit.reports.formats import ReportFormat, format_of, render

if TYPE_CHECKING:
    from bnnaudit.core.report import Report
    from bnnaudit.core.reproduction import Reproduction
    from bnnaudit.core.suite import Failure, Suite
    from bnnaudit.reports.documents import Document
    from bnnaudit.reports.page import Page

RUNNING = "the audit has not finished: it is running, or was ended from outside"


def files_of(output: options.Document) -> tuple[ReportFile, ...]:
    """All files that the options ask for; UsageError where the suffix of --output stands for a format that cannot be."""
    files = tuple(getattr(output, "report", None) or ())
    if output.output is None:
        return files
    return (ReportFile(_format_of_output(output, output.output), output.output, "output"), *files)


def _format_of_output(output: options.Document, path: Path) -> ReportFormat:
    """What was asked for, else what the suffix tells, else a terminal's text."""
    if output.format is not None:
        return output.format
    return ReportFormat.TERMINAL if format_of(path) is None else suffix_format(path, output.formats, "output")


def write(document: Document, output: options.Document) -> ExitCode:
    """Writes the document to every file, then to stdout; where one of them did not take all of it, says so and returns another
    code than a gate's.

    stdout gets the document itself, or where --output takes it a summary of what was audited.
    """
    from bnnaudit.core.report import Report
    from bnnaudit.core.reproduction import Reproduction
    from bnnaudit.core.suite import Suite

    verbose = bool(getattr(output, "verbose", False))
    if isinstance(document, Report | Suite | Reproduction):
        document = _as_stored(document, output)
    written: list[Path] = []
    code = _write_files(document, files_of(output), verbose, written)
    try:
        deliver(_for_stdout(document, output, page_for(None, verbose)))
    except UndeliveredError as error:
        give_up_stdout()
        message, undelivered = explained(error)
        if error.reader_left and not hasattr(document, "provenance"):
            return worst([code, undelivered])  # a reader of a text that measures nothing has read enough
        kept = f"; the report is in {', '.join(map(str, written))}" if written else ""
        code = worst([code, complain(f"{message}{kept}", undelivered)])
    return code


def _for_stdout(document: Document, output: options.Document, page: Page) -> str:
    """What stdout gets."""
    from bnnaudit.core.comparison import Comparison
    from bnnaudit.core.report import Report
    from bnnaudit.core.suite import Suite

    if output.output is None:
        return render(document, output.format or ReportFormat.TERMINAL, page)
    if isinstance(document, Suite) or (isinstance(document, Report) and document.gate is not None):
        from bnnaudit.reports.terminal.summary import write_summary

        return write_summary(document, page)
    if isinstance(document, Comparison):
        return render(document, ReportFormat.TERMINAL, page).rstrip("\n").rpartition("\n")[2] + "\n"
    return ""


def _as_stored(document: Report | Suite | Reproduction, output: options.Document) -> Document:
    """A report as it is read back from its own JSON, so that every format shows what can be made of that JSON later."""
    from bnnaudit.reports.json.reading import read_any
    from bnnaudit.reports.json.writer import write_json
    from bnnaudit.reports.page import Page

    with failing_into_files(output, " ".join(_models_of(document)), document.provenance):
        try:
            return read_any(write_json(document, Page()), "the report")
        except AuditError as error:  # it is our own, so this is no wrong input
            raise RuntimeError(f"the report cannot be read back: {error}") from error


def _models_of(document: Report | Suite | Reproduction) -> Iterable[str]:
    """The paths of the models that it is about, each once."""
    from bnnaudit.core.report import Report
    from bnnaudit.core.reproduction import Reproduction

    if isinstance(document, Reproduction):
        return dict.fromkeys(model.path for table in document.tables for model in table.models)
    models = (document,) if isinstance(document, Report) else document.entries
    return dict.fromkeys(one.model.path if isinstance(one, Report) else one.model for one in models)


def _write_files(
    document: Document, files: tuple[ReportFile, ...], verbose: bool, written: list[Path] | None = None
) -> ExitCode:
    """Each file by itself, so that what keeps one from being written keeps no other. written: gets those that were."""
    codes: list[ExitCode] = []
    for file in files:
        try:
            _write_file(document, file, verbose)
            if written is not None:
                written.append(file.path)
        except Exception as error:
            codes.append(complain_of(error, verbose))
    return worst(codes)


def _write_file(document: Document, file: ReportFile, verbose: bool) -> None:
    deliver(render(document, file.format, page_for(file.path, verbose)), file.path, file.option)


@contextmanager
def failing_into_files(output: options.Document, model: str, made: Provenance) -> Iterator[None]:
    """Where no report comes of it, every file of an earlier run is replaced by one that says why. Signals are answered from here
    on, not before.

    Where it was refused because it would write what it reads, nothing new is written, and not there.
    """
    try:
        interrupts.release()
        yield
    except BaseException as error:  # a network's code may raise SystemExit
        interrupts.hold()
        from bnnaudit.core.suite import Failure

        files = files_of(output)
        if isinstance(error, WouldOverwriteError):
            files = tuple(file for file in files if is_earlier(file.path) and not _is_among(file.path, error.read))
        replace_reports(Failure(made, model, *explained(error)), files)
        raise


def write_failure(failure: Failure, output: options.Document) -> None:
    """The failure in every file that was asked for."""
    replace_reports(failure, files_of(output))


def retire_reports(output: options.Document, models: Iterable[Path], made: Provenance) -> None:
    """Replaces the reports of an earlier run before this one begins: however it is ended, none of them is taken for its own.

    A process that is killed, for want of memory or time, has no chance to do so.
    """
    from bnnaudit.core.suite import Failure

    files = [file for file in files_of(output) if is_earlier(file.path)]
    if files:
        failure = Failure(made, " ".join(map(str, models)), RUNNING, ExitCode.UNFINISHED)
        replace_reports(failure, files)


def is_earlier(path: Path) -> bool:
    """Whether an earlier run may have left a report there; what this process has open, such as /dev/stdout, has none."""
    return path.is_file() and descriptor_of(path) is None


def _is_among(path: Path, others: Iterable[Path]) -> bool:
    return any(is_same(path, other) for other in others)


def replace_reports(failure: Failure, files: Iterable[ReportFile]) -> None:
    """The failure in each file, but not over what may be a model, a card, data or evidence, or what settings name, such as a
    baseline.

    A file that cannot be written is removed, without a word: what is told is the failure itself.
    """
    from bnnaudit.reports.json.reading import round_trip

    failure = round_trip(failure)
    inputs = named_in_settings()
    for file in files:
        if file.path.exists() and (is_kept(file.path) or is_evidence(file.path) or _is_among(file.path, inputs)):
            continue
        try:
            _write_file(failure, file, verbose=False)
        except Exception:
            with contextlib.suppress(OSError):
                if is_earlier(file.path):
                    file.path.unlink()
