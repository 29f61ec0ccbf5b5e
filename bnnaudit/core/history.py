"""What a model was found to be in release after release."""

from __future__ import annotations

from dataclasses import dataclass

from bnnaudit.core.comparison import Release
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.threat import Threat


@dataclass(frozen=True, slots=True)
class KeptRelease:
    """One report of a history. file: its path below the folder. exit_code: what its audit exited with."""

    file: str
    release: Release
    exit_code: ExitCode


@dataclass(frozen=True, slots=True)
class Series:
    """The reports on one model, by its name, under one threat, the oldest first."""

    model: str
    threat: Threat
    releases: tuple[KeptRelease, ...]


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of the folder that is no report, and why."""

    file: str
    why: str


@dataclass(frozen=True, slots=True)
class History:
    """The reports in a folder. name: the model that was asked for, empty for all of them. skipped: files that are no reports."""

    provenance: Provenance
    folder: str
    name: str
    series: tuple[Series, ...]
    skipped: tuple[SkippedFile, ...] = ()
