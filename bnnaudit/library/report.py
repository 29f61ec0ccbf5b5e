"""The report that the library returns: the audit's own, with what a caller wants to do with it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from bnnaudit.core.errors import AuditError, ReportError, UsageError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.gate import Outcome
from bnnaudit.core.limits import Limits, limits_of, limits_set
from bnnaudit.core.report import Report as PlainReport
from bnnaudit.core.suite import Failure, Suite, exit_code_of
from bnnaudit.reports.formats import SUFFIXES, ReportFormat, format_of, render
from bnnaudit.reports.json.reading import read_file, round_trip
from bnnaudit.reports.output import write_atomically
from bnnaudit.reports.page import Page
from bnnaudit.reports.terminal.summary import write_summary
from bnnaudit.reports.verdict_words import criterion_line, log_lines, open_criteria

FILE = Page(80, verbose=True)
"""What the command line writes its files for."""


class GateFailedError(AuditError):
    """The gate did not let a model pass; `report` says why."""

    def __init__(self, message: str, report: Report) -> None:
        super().__init__(message)
        self.report = report


class GateUndecidedError(GateFailedError):
    """The audit could not decide what the gate was asked: no pass, and no proof of a failure."""


@dataclass(frozen=True, slots=True, repr=False)
class Report(PlainReport):
    """Everything that an audit found out. `print(report)` shows the ten lines that `bnnaudit check` begins with.

    `verdict` is what the model is, `gate` what was asked of it. Every format is what `bnnaudit render` makes of `to_json()`.
    """

    @classmethod
    def of(cls, report: PlainReport) -> Report:
        """The same report with these methods, as it is read back from its JSON."""
        try:
            stored = round_trip(report)
        except AuditError as error:  # it is our own, so this is no wrong input
            raise RuntimeError(f"the report cannot be read back: {error}") from error
        return cls.read(stored)

    @classmethod
    def read(cls, stored: PlainReport) -> Report:
        """The same with these methods, of a report that was read from JSON."""
        return cls(**{field.name: getattr(stored, field.name) for field in fields(PlainReport)})

    def __str__(self) -> str:
        return write_summary(self.plain, Page(80)).rstrip("\n")

    def __repr__(self) -> str:
        return f"<Report: {log_lines(self.plain)[0]}>"

    @property
    def plain(self) -> PlainReport:
        """The same without these methods."""
        return PlainReport(**{field.name: getattr(self, field.name) for field in fields(PlainReport)})

    @property
    def exit_code(self) -> ExitCode:
        """What `bnnaudit check` would have exited with."""
        return exit_code_of(self)

    def figures(self) -> dict[str, float]:
        """The accuracies that were measured, as fractions: for a log of experiments.

        `clean`, `claimed` and `verified` (an upper bound of robust accuracy), each but a declared one with the ends of its 95 %
        interval as `clean_low` and `clean_high`.
        """
        verdict = self.verdict
        measured = {
            "clean": self.clean_accuracy,
            "claimed": verdict.ordinary_accuracy if verdict and verdict.declared_accuracy is None else None,
            "verified": verdict.verified_accuracy if verdict else None,
        }
        found: dict[str, float] = {}
        for name, estimate in measured.items():
            if estimate is not None:
                found |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        if verdict is not None and verdict.declared_accuracy is not None:
            found["claimed"] = verdict.declared_accuracy
        return found

    def raise_if_failed(self) -> None:
        """Raises GateFailedError, which names every criterion that is not met, unless the gate passed.

        Where none failed but some are undecided it is a GateUndecidedError.
        """
        if self.passed:
            return
        gate = self.gate
        missing = "nothing was asked" if gate is None else "; ".join(map(criterion_line, open_criteria(gate)))
        failed = gate is not None and gate.outcome is Outcome.FAILED
        kind, word = (GateFailedError, "failed") if failed else (GateUndecidedError, "undecided")
        raise kind(f"{self.model.path}: {word}: {missing}", self)

    def to_json(self) -> str:
        """The document that holds everything, bnnaudit-report/1; `read_report` reads it back."""
        return self.render(ReportFormat.JSON)

    def to_html(self) -> str:
        """A page that needs no other file."""
        return self.render(ReportFormat.HTML)

    def to_markdown(self) -> str:
        """For a job summary, or a comment on a pull request."""
        return self.render(ReportFormat.MARKDOWN)

    def render(self, format: ReportFormat | str) -> str:
        """The text in a format of `bnnaudit render`; raises UsageError for a name that is none."""
        try:
            known = ReportFormat(format)
        except ValueError:
            raise UsageError(f"format: {format!r} is not one of {', '.join(ReportFormat)}") from None
        return render(self.plain, known, FILE)

    def save(self, path: str | Path, format: ReportFormat | str | None = None) -> Path:
        """Writes the file at once or not at all, in the format that its name ends in unless one is given; the path.

        Raises UsageError for a name that ends in none, and for a place that cannot be written.
        """
        target = Path(path)
        chosen = format_of(target) if format is None else format
        if chosen is None:
            raise UsageError(f"{target}: ends in none of {', '.join(SUFFIXES)}; name the format, as in format='json'")
        write_atomically(target, self.render(chosen))
        return target


def read_report(path: str | Path, *, limits: Limits | str | None = None) -> Report:
    """The report in a JSON file of `Report.save` or `bnnaudit check --format json`; limits as for `audit`.

    Raises ReportError for a file that holds something else, also for one of several audits or of one that failed.
    """
    with limits_set(limits_of(limits)):
        document = read_file(Path(path))
    match document:
        case Suite():
            count = len(document.entries)
            raise ReportError(f"{path}: holds {count} audits, not one; audit one model under one threat into one file")
        case Failure():
            raise ReportError(f"{path}: no report, for the audit of {document.model} failed: {document.message}")
    return Report.read(document)
