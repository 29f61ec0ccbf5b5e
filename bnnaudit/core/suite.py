"""Several audits of one command: models, threats, and those that could not be audited."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.exit_codes import ExitCode, worst
from bnnaudit.core.gate import Outcome
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report


@dataclass(frozen=True, slots=True)
class Failure:
    """An audit that gave no report.

    model: its path as given. message: the line that says what is wrong, where, and what to do.
    """

    provenance: Provenance
    model: str
    message: str
    exit_code: ExitCode


@dataclass(frozen=True, slots=True)
class Suite:
    """What a command found out about several models or threats, in the order in which they were asked for."""

    provenance: Provenance
    entries: tuple[Report | Failure, ...]

    @property
    def exit_code(self) -> ExitCode:
        """The worst of all entries."""
        return worst(exit_code_of(entry) for entry in self.entries)


def exit_code_of(entry: Report | Failure) -> ExitCode:
    """What a command exits with after this entry alone; a run that judges nothing passes."""
    if isinstance(entry, Failure):
        return entry.exit_code
    if entry.gate is None:
        return ExitCode.PASSED
    match entry.gate.outcome:
        case Outcome.PASSED:
            return ExitCode.PASSED
        case Outcome.FAILED:
            return ExitCode.FAILED
        case Outcome.UNDECIDED:
            return ExitCode.UNFINISHED
