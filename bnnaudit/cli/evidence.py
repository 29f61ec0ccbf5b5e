"""The evidence that a command writes beside its reports."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bnnaudit.cli.complaints import complain_of
from bnnaudit.cli.named_files import named_beside
from bnnaudit.cli.paths import WouldOverwriteError
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.reports.formats import ReportFormat, render
from bnnaudit.reports.page import Page

if TYPE_CHECKING:
    from bnnaudit.auditing.confirmed import Confirmed
    from bnnaudit.core.report import Report
    from bnnaudit.core.target import Target
    from bnnaudit.evidence.writing.writer import EvidenceWriter


class EvidenceOutput:
    """Takes the counterexamples of one model under one threat after the other; what goes wrong costs no report.

    code: what the command exits with on account of it.
    """

    def __init__(self, folder: Path | None, verbose: bool) -> None:
        self.code = ExitCode.PASSED
        self.folder = folder
        self.verbose = verbose
        self._writer: EvidenceWriter | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is any use for counterexamples."""
        return self.folder is not None and self.code is ExitCode.PASSED

    @property
    def complete(self) -> bool:
        """Whether something came of it, and nothing went wrong."""
        return self._writer is not None and self.code is ExitCode.PASSED

    def add(self, model: Path, target: Target, confirmed: Confirmed | None, report: Report, alone: bool = True) -> None:
        """Adds a model under a threat, in a folder of its own unless it is `alone`."""
        if self.folder is None or confirmed is None or not self.wanted:
            return
        try:
            from bnnaudit.evidence.writing.case import Case
            from bnnaudit.evidence.writing.writer import EvidenceWriter

            self._writer = self._writer or EvidenceWriter(self.folder)
            text = render(report, ReportFormat.JSON, Page(80))
            self._writer.add(Case(model, target, confirmed, report, text), alone)
        except (Exception, KeyboardInterrupt) as error:
            self.code = complain_of(error, self.verbose)


@contextmanager
def evidence_output(place: Path | None, verbose: bool) -> Iterator[EvidenceOutput]:
    """Evidence at `place`, put there at the end. That of an earlier run is removed at once, lest it outlives one that is killed.

    Raises UsageError at once where something else is there, and WouldOverwriteError where it is, or holds, what another option
    names: an earlier run's evidence has a report, which may be the baseline.
    """
    if place is None:
        yield EvidenceOutput(None, verbose)
        return
    from bnnaudit.evidence.writing.destination import publish, remove, staged

    other = named_beside(place)
    if other is not None:
        raise WouldOverwriteError(
            f"evidence: {place} is replaced, and {other} is named as well; name another place", [other]
        )
    with staged(place) as folder:
        remove(place)
        output = EvidenceOutput(folder, verbose)
        yield output
        if output.complete:
            try:
                publish(folder, place)
            except Exception as error:
                output.code = complain_of(error, verbose)
