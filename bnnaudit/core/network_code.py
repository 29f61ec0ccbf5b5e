"""Code that builds a network, as `package.module:callable`: how it is named, and which names never stand for a network."""

from __future__ import annotations

import re
import sys

from bnnaudit.core.errors import UsageError, cited

_FORM = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*")


def names_code(architecture: str) -> bool:
    """Whether the name of an architecture is that of code, and not of a built-in network."""
    return ":" in architecture


def split_code(name: str) -> tuple[str, str]:
    """Module and callable of `package.module:callable`.

    Raises UsageError for another form, for modules that run a program, and for those of Python itself and of bnnaudit: they hold
    no networks for a checkpoint, but much that writes files.
    """
    if not _FORM.fullmatch(name):
        raise UsageError(f"architecture: '{cited(name)}' is not of the form package.module:callable")
    module, _, attribute = name.partition(":")
    parts = module.split(".")
    owner = "bnnaudit itself" if parts[0] == "bnnaudit" else "Python's standard library"
    if parts[0] == "bnnaudit" or parts[0] in sys.stdlib_module_names:
        raise UsageError(
            f"architecture: {cited(name)} is part of {owner}, which holds no network of yours; name a built-in network, or "
            "code of your own as package.module:callable"
        )
    if "__main__" in parts:
        raise UsageError(f"architecture: {cited(name)} is a program that runs when it is imported; name another module")
    return module, attribute
