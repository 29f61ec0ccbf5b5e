"""What libraries say beside the report: warnings and logs, which only --verbose shows, so that an error is one line on stderr."""

from __future__ import annotations

import logging
import warnings
from collections.abc import MutableMapping

TORCH_LOG = "TORCH_CPP_LOG_LEVEL"
"""How loud PyTorch's C++ code is, read once when it is loaded."""


def settle_library_messages(verbose: bool, environment: MutableMapping[str, str]) -> None:
    """Lets all of them through, or none below an error, whatever filters a library sets itself; before any is loaded."""
    if verbose:
        warnings.simplefilter("default")
        return
    warnings.simplefilter("ignore")
    warnings.showwarning = _not_shown
    logging.disable(logging.WARNING)
    environment.setdefault(TORCH_LOG, "ERROR")


def _not_shown(*_: object, **__: object) -> None:
    """A warning that nobody asked for."""
