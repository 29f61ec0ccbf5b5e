"""Reports of earlier audits: releases to compare, and the baseline that an audit is held against. Nothing is imported early."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnnaudit.config.settings import Settings
    from bnnaudit.core.comparison import StoredReport
    from bnnaudit.core.report import Report
    from bnnaudit.core.suite import Failure
    from bnnaudit.core.threat import Threat
    from bnnaudit.releases.comparing import Stored


def stored(path: Path) -> Stored:
    """The release in a file; raises ReportError for what is none."""
    from hashlib import sha256

    from bnnaudit.core.comparison import StoredReport
    from bnnaudit.releases.comparing import Stored
    from bnnaudit.reports.json.reading import content_of, read_bytes

    content = content_of(path)
    return Stored(StoredReport(str(path), sha256(content).hexdigest()), read_bytes(content, str(path)))


def baseline_for(settings: Iterable[Settings]) -> Stored | None:
    """The baseline of audits under one threat each, None where none is given.

    Raises ReportError for a file that is no report, and for one under none of the threats, before any audit is run.
    """
    runs = list(settings)
    path = runs[0].policy.baseline if runs else None
    if path is None:
        return None
    from bnnaudit.releases.baseline import require_threat

    found = stored(path)
    require_threat(found, map(_threat, runs))
    return found


@dataclass(frozen=True, slots=True)
class Earlier:
    """What a baseline says of a model under a threat; nothing of it where none was given."""

    file: StoredReport | None = None
    entry: Report | Failure | None = None

    @classmethod
    def of(cls, baseline: Stored | None, model: str, threat: Threat, alone: bool) -> Earlier:
        """alone: there is no other audit, so that the model may have another name than in the baseline."""
        if baseline is None:
            return cls()
        from bnnaudit.releases.baseline import entry_for

        return cls(baseline.file, entry_for(baseline, model, threat, alone))

    @property
    def images(self) -> int:
        """How many images have to be attacked, so that all of the baseline's can be compared."""
        if self.file is None:
            return 0
        from bnnaudit.releases.baseline import attacked_by

        return attacked_by(self.entry)

    def held_against(self, report: Report) -> Report:
        """The report in the light of the baseline, as it is where none was given."""
        if self.file is None:
            return report
        from bnnaudit.releases.baseline import held_against

        return held_against(report, self.entry, self.file)


def _threat(settings: Settings) -> Threat:
    """What the settings say of it; the network adds the range and the type of its pixels."""
    from bnnaudit.core.threat import DEFAULT_EPS, Norm, Threat

    table = settings.threat
    norm = table.norm or Norm.LINF
    return Threat(norm, DEFAULT_EPS[norm] if table.eps is None else table.eps, image_bits=table.image_bits)
