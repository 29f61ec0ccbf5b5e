"""Reports of earlier audits that a command reads: releases to compare, and the baseline of a check."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnnaudit.config.settings import Settings
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


def _threat(settings: Settings) -> Threat:
    """What the settings say of it; the network adds the range and the type of its pixels."""
    from bnnaudit.core.threat import DEFAULT_EPS, Norm, Threat

    table = settings.threat
    norm = table.norm or Norm.LINF
    return Threat(norm, DEFAULT_EPS[norm] if table.eps is None else table.eps, image_bits=table.image_bits)
