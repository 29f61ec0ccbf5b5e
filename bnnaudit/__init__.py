"""bnnaudit tells real adversarial robustness from fake robustness in quantized neural networks.

    report = bnnaudit.audit("model.onnx", (images, labels), "linf:8/255", min_verified=0.3)
    report.raise_if_failed()

Nothing is imported before it is used: `import bnnaudit` takes no time, and a report is read without PyTorch.
"""

from __future__ import annotations

import os
from importlib import import_module

# ONNX Runtime reports to its maker which models are opened, and keeps a file for that in the user's home; what is audited is not
# ours to tell. It looks this up when it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

TYPE_CHECKING = False  # `typing` takes longer to import than signals may wait for the command line to hear them
if TYPE_CHECKING:
    from bnnaudit.api import audit, load_target
    from bnnaudit.core.effort import Effort
    from bnnaudit.core.errors import AuditError
    from bnnaudit.core.estimate import Estimate
    from bnnaudit.core.exit_codes import ExitCode
    from bnnaudit.core.finding import Finding, Severity
    from bnnaudit.core.gate import Criterion, Gate, Outcome
    from bnnaudit.core.policy import Decide, FailOn, Limits, Policy, Waiver
    from bnnaudit.core.progress import Progress
    from bnnaudit.core.report import Status, Verdict
    from bnnaudit.core.target import Target
    from bnnaudit.core.threat import Norm, Threat
    from bnnaudit.library.report import GateFailedError, GateUndecidedError, Report, read_report
    from bnnaudit.reports.formats import ReportFormat

__version__ = "0.1.0"

__all__ = [
    "AuditError",
    "Criterion",
    "Decide",
    "Effort",
    "Estimate",
    "ExitCode",
    "FailOn",
    "Finding",
    "Gate",
    "GateFailedError",
    "GateUndecidedError",
    "Limits",
    "Norm",
    "Outcome",
    "Policy",
    "Progress",
    "Report",
    "ReportFormat",
    "Severity",
    "Status",
    "Target",
    "Threat",
    "Verdict",
    "Waiver",
    "audit",
    "load_target",
    "read_report",
]

_HOMES = {
    "api": ("audit", "load_target"),
    "core.effort": ("Effort",),
    "core.errors": ("AuditError",),
    "core.estimate": ("Estimate",),
    "core.exit_codes": ("ExitCode",),
    "core.finding": ("Finding", "Severity"),
    "core.gate": ("Criterion", "Gate", "Outcome"),
    "core.policy": ("Decide", "FailOn", "Limits", "Policy", "Waiver"),
    "core.progress": ("Progress",),
    "core.report": ("Status", "Verdict"),
    "core.target": ("Target",),
    "core.threat": ("Norm", "Threat"),
    "library.report": ("GateFailedError", "GateUndecidedError", "Report", "read_report"),
    "reports.formats": ("ReportFormat",),
}
"""The module that each public name is defined in."""

if not TYPE_CHECKING:  # a type checker would take any name for one of the package's

    def __getattr__(name: str) -> object:
        """The public names, each imported when it is first used."""
        for module, names in _HOMES.items():
            if name in names:
                value = getattr(import_module(f"bnnaudit.{module}"), name)
                globals()[name] = value
                return value
        raise AttributeError(f"module 'bnnaudit' has no attribute {name!r}")

    def __dir__() -> list[str]:
        """The public names, imported or not."""
        return sorted({*globals(), *__all__})
