"""TOML files from strangers: read only where their size and their shape are those of settings."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from bnnaudit.core.errors import one_line
from bnnaudit.core.file_limits import TOML_BITS, TOML_BYTES, TOML_PARTS

_PART = r"""(?:(?<![\w-])[\w-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_LONG_KEY = re.compile(rf"(?:{_PART}[ \t]*\.[ \t]*){{{TOML_PARTS.most}}}")


class TomlError(Exception):
    """A file that cannot be read as TOML, or is not to be; the message lacks the file's name."""


def read_toml(path: Path) -> dict[str, Any]:
    """The values of the file; raises TomlError, and FileNotFoundError where there is none."""
    text = _text_of(path)
    if _LONG_KEY.search(text):
        raise TomlError(
            f"a key of more than {TOML_PARTS.most} parts, which would take memory without end; settings have 4 at most"
        )
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise TomlError("tables or lists inside one another, deeper than any settings") from None
    except ValueError as error:  # TOMLDecodeError is one, and so is what int() says of thousands of digits
        raise TomlError(f"not valid TOML ({one_line(error, 200)})") from error
    _require_plain(values)
    return values


def _text_of(path: Path) -> str:
    """The file's text, of which no more is read than settings may take; a pipe or a device is not opened."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise TomlError("cannot be read: not a file, but a folder, a pipe or a device")
        if TOML_BYTES.exceeded_by(found.st_size):
            raise TomlError(TOML_BYTES.refusal(found.st_size))
        with path.open("rb") as stream:
            data = stream.read(TOML_BYTES.to_read)
        return data.decode().replace("\r\n", "\n")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError as error:
        raise TomlError(f"not valid TOML ({one_line(error, 200)})") from error
    except OSError as error:
        raise TomlError(f"cannot be read ({error.strerror or os.strerror(error.errno or 0)})") from error


def _require_plain(values: dict[str, Any]) -> None:
    """Raises TomlError for what is nested deeper than settings, or a whole number beyond all floats."""
    pending: list[tuple[object, int]] = [(values, 0)]
    while pending:
        value, depth = pending.pop()
        if TOML_PARTS.exceeded_by(depth):
            raise TomlError(f"tables or lists inside one another, more than {TOML_PARTS.most} deep")
        if isinstance(value, dict):
            pending += [(inner, depth + 1) for inner in value.values()]
        elif isinstance(value, list):
            pending += [(inner, depth + 1) for inner in value]
        elif isinstance(value, int) and TOML_BITS.exceeded_by(value.bit_length()):
            raise TomlError(f"a whole number of {TOML_BITS.refusal(value.bit_length())}")
