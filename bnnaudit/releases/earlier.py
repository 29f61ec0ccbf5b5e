"""Reports of earlier audits, read from their files: a release to compare, and the baseline that an audit is held against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from bnnaudit.config.settings import Settings
from bnnaudit.core.comparison import StoredReport
from bnnaudit.core.report import Report
from bnnaudit.core.suite import Failure
from bnnaudit.core.threat import DEFAULT_EPS, Norm, Threat
from bnnaudit.releases.baseline import attacked_by, entry_for, held_against, require_threat
from bnnaudit.releases.comparing import Stored
from bnnaudit.reports.json.reading import content_of, read_bytes


def stored(path: Path) -> Stored:
    """The release in a file; raises ReportError for what is none."""
    content = content_of(path)
    return Stored(StoredReport(str(path), sha256(content).hexdigest()), read_bytes(content, str(path)))


def read_baseline_for(path: Path, runs: Iterable[Settings]) -> Stored:
    """The baseline of audits under one threat each.

    Raises ReportError for a file that is no report, and for one under none of the threats, before any audit is run.
    """
    found = stored(path)
    require_threat(found, map(_threat, runs))
    return found


def _threat(settings: Settings) -> Threat:
    """What the settings say of it; the network adds the range and the type of its pixels."""
    table = settings.threat
    norm = table.norm or Norm.LINF
    return Threat(norm, DEFAULT_EPS[norm] if table.eps is None else table.eps, image_bits=table.image_bits)


@dataclass(frozen=True, slots=True)
class EarlierAudit:
    """What a baseline says of a model under a threat; entry: None where it says nothing."""

    file: StoredReport
    entry: Report | Failure | None

    @classmethod
    def of(cls, baseline: Stored, model: str, threat: Threat, *, alone: bool) -> EarlierAudit:
        """alone: there is no other audit, so that the model may have another name than in the baseline."""
        return cls(baseline.file, entry_for(baseline, model, threat, alone))

    @property
    def images(self) -> int:
        """How many images have to be attacked, so that all of the baseline's can be compared."""
        return attacked_by(self.entry)

    def hold(self, report: Report) -> Report:
        """The report in the light of the baseline."""
        return held_against(report, self.entry, self.file)
