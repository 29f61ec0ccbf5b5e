"""bnnaudit tells real adversarial robustness from fake robustness in quantized neural networks.

The few names for use as a library; they are imported when first used, so that the command line starts at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bnnaudit.api import audit, load_target
    from bnnaudit.core.report import Report
    from bnnaudit.core.target import Target
    from bnnaudit.core.threat import Norm, Threat

__version__ = "0.1.0"

__all__ = ["Norm", "Report", "Target", "Threat", "__version__", "audit", "load_target"]

_HOMES = {
    "Norm": "bnnaudit.core.threat",
    "Report": "bnnaudit.core.report",
    "Target": "bnnaudit.core.target",
    "Threat": "bnnaudit.core.threat",
    "audit": "bnnaudit.api",
    "load_target": "bnnaudit.api",
}


def __getattr__(name: str) -> object:
    """Imports a public name from where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bnnaudit' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
