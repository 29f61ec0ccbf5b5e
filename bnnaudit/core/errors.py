"""One tree of errors: a class for each thing that the user can do something about.

A message says what is wrong, where, and what to do, in one line. `cli/main.py` alone turns it into an exit code.
"""

import difflib
from collections.abc import Iterable, Sequence


class AuditError(Exception):
    """Base of every error that the user can act on."""


class UsageError(AuditError):
    """A command-line option or an argument of the library that cannot be used."""


class SettingsError(AuditError):
    """A card (`MODEL.toml`) or `bnnaudit.toml` that cannot be read; all of its problems are named at once."""


class ModelError(AuditError):
    """A model file that cannot be read, or that is not a classifier this tool can audit."""


class UnsupportedOperatorsError(ModelError):
    """An ONNX file with operators that have no differentiable import; all of them are named at once."""


class CheckpointError(ModelError):
    """A checkpoint that is refused or does not fit its architecture."""


class DataError(AuditError):
    """Images or labels that cannot be read or do not fit the model."""


class ReportError(AuditError):
    """A report to read back that is no report, is broken, or was written by a version that says other things."""


def one_line(error: BaseException, limit: int = 300) -> str:
    """An exception's message on one line, its kind where it has none."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 3] + "..."


def listed(names: Sequence[str], most: int = 8) -> str:
    """The names in a row, the rest counted where there are more than `most`."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """The name nearest to `word`, whatever their capitals and dashes, as the end of a message; empty where none is near.

    A word that starts only one name stands for it, as that of an option cut short; one that is a name needs no other.
    """
    known = {_bare(name): name for name in names}
    bare = _bare(word)
    started = [name for name in known if bare and name.startswith(bare)]
    near = started if len(started) == 1 else difflib.get_close_matches(bare, known, n=1)
    return f"; did you mean {known[near[0]]}?" if near and known[near[0]] != word else ""


def _bare(name: str) -> str:
    return name.strip("-").lower()


NO_ROOM = ("allocate memory", "unable to allocate", "bad_alloc", "bad allocation", "failed to allocate")
"""What PyTorch, NumPy, C++ and ONNX Runtime say where memory runs out, in small letters."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine or a device ran out of memory: Python's error, torch's, or those of C++ by their words."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    text = str(error).lower()
    return bool(kinds & {"MemoryError", "OutOfMemoryError"}) or any(words in text for words in NO_ROOM)
