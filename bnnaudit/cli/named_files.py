"""Files that a command names, in its words, the project's settings and its cards: what is read is not replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path

from bnnaudit.core.dataset import split_address
from bnnaudit.core.regular_file import open_regular
from bnnaudit.core.toml_file import TomlError, read_toml

SETTINGS = ("bnnaudit.toml", "pyproject.toml")
MOST_BYTES = 1 << 20
"""Of a settings file; people write less than a hundredth. Not tuned."""
_QUOTED = re.compile(r"\"([^\"\n]+)\"|'([^'\n]+)'")
_typed: ContextVar[tuple[str, ...]] = ContextVar("_typed", default=())


def remember(words: Sequence[str]) -> None:
    """Tells which words were typed, whether or not they can be understood."""
    _typed.set(tuple(words))


def named_in_settings() -> list[Path]:
    """The files that are there and that settings or cards name: the latter among the words, or beside a model among them.

    A settings file with mistakes counts as well: it names what it names.
    """
    found = [path for settings in dict.fromkeys(_settings_files()) for path in _named_in(settings)]
    return [path for path in found if _is_file(path)]


def named_beside(place: Path) -> Path | None:
    """A file or folder in `place`, or a second time `place` itself, that the words or settings name; None where there is none."""
    whole = place.resolve()
    typed = [path for word in _typed.get() for path in _paths_in(word)]
    again = [path for path in typed if path == whole][1:]
    inside = [path for path in (*typed, *(path.resolve() for path in named_in_settings())) if whole in path.parents]
    return next(iter((*again, *inside)), None)


def _paths_in(word: str) -> Iterator[Path]:
    """The path that a word may hold, without its option, format or folder in a zip."""
    text = word[2:] if word.startswith("-o") else word.rpartition("=")[2]
    address = split_address(text)
    try:
        yield Path(address[0] if address else text).resolve()
    except (OSError, RuntimeError, ValueError):
        return


def _settings_files() -> Iterator[Path]:
    yield from map(Path, SETTINGS)
    for word in _typed.get():
        for text in (word, word.rpartition("=")[2]):
            if Path(text).name:
                yield Path(text).with_suffix(".toml")


def _named_in(settings: Path) -> Iterator[Path]:
    """What may be a path in a file, relative to the file's folder as settings are."""
    if not _is_file(settings):
        return
    try:
        with open_regular(settings) as stream:
            text = stream.read(MOST_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return
    for value in _texts(settings, text):
        address = split_address(value)
        yield settings.parent / (address[0] if address else value)


def _texts(settings: Path, text: str) -> Iterator[str]:
    try:
        yield from _texts_in(read_toml(settings))
    except (TomlError, OSError):
        yield from (double or single for double, single in _QUOTED.findall(text))


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for entry in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(entry)


def _is_file(path: Path) -> bool:
    """Whether a file is there; a name that no file can have is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False
