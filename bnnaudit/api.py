"""The Python interface: what the command line does, without the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bnnaudit.auditing.open import open_model_and_data, open_target, substitute_maker
from bnnaudit.auditing.request import request_for
from bnnaudit.auditing.run import AuditRequest, run_audit
from bnnaudit.config.card import Settings, parse_settings, settings_for
from bnnaudit.config.policies import policies_of
from bnnaudit.core.progress import Progress, Silence
from bnnaudit.core.provenance import Provenance
from bnnaudit.core.report import Report
from bnnaudit.core.target import Target
from bnnaudit.core.threat import Norm, Threat

__all__ = ["Norm", "Report", "Target", "Threat", "audit", "load_target"]

Tables = Mapping[str, Mapping[str, object]]
"""Tables of a card: {"data": {"source": "images.npz", "samples": 300}, "threat": {"eps": "8/255"}}."""


def load_target(model: str | Path, settings: Tables | None = None) -> Target:
    """The model with its card and `settings` (which win over the card), ready to attack; raises AuditError."""
    path = Path(model)
    return open_target(path, settings_for(path, parse_settings(settings or {}, "settings"), Path.cwd()))


def audit(
    model: str | Path,
    settings: Tables | None = None,
    transfer: bool = True,
    progress: Progress | None = None,
    command: str = "bnnaudit.api.audit",
) -> Report:
    """Audits `model` as `bnnaudit check` does; raises AuditError for input that cannot be used.

    `settings` wins over the card. Without `transfer` no substitute is trained. `command` is entered in the report.
    """
    path = Path(model)
    settled = settings_for(path, parse_settings(settings or {}, "settings"), Path.cwd())
    request = audit_request(path, settled, transfer, Provenance.now(command))
    return run_audit(request, progress or Silence()).report


def audit_request(model: Path, settings: Settings, transfer: bool, provenance: Provenance) -> AuditRequest:
    """Model, data and plan, opened and checked; raises AuditError."""
    ((_, policy), *_) = policies_of(settings)
    opened = open_model_and_data(model, settings)
    return request_for(opened, policy, transfer, provenance, substitute_maker(opened))
