"""Reads a model's card and the project's settings, and names every problem in them at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bnnaudit.config.layers import merged, refused_in_card
from bnnaudit.config.settings import Settings
from bnnaudit.core.dataset import NamedDataset
from bnnaudit.core.errors import SettingsError
from bnnaudit.core.file_name import expanded
from bnnaudit.core.toml_file import TomlError, read_toml

__all__ = ["Settings", "parse_settings", "settings_for"]

PROJECT_FILE = "bnnaudit.toml"
PYPROJECT = "pyproject.toml"
PYPROJECT_TABLE = "tool.bnnaudit"
MOST_PROBLEMS = 20
"""Problems of one file that are put into words. Not tuned."""
LONGEST_VALUE = 120
"""Characters of a value, or of a key, that a message repeats. Not tuned."""


def settings_for(model: Path | None, flags: Settings, cwd: Path, card: Path | None = None) -> Settings:
    """The settings for `model`: `flags` over its card, that over bnnaudit.toml in `cwd`, that over pyproject.toml (`layers.py`).

    The card is `card`, or else MODEL.toml beside the model where there is one; a model that is no file has none. Paths in a file
    are relative to its folder, those in `flags` to `cwd`. Raises one SettingsError that names every problem of every file.
    """
    beside = None if model is None else model.with_suffix(".toml")
    sources = [(cwd / PYPROJECT, PYPROJECT_TABLE), (cwd / PROJECT_FILE, None)]
    problems: list[str] = []
    project: list[Settings] = []
    for path, table in sources:
        if _is_there(path):
            settings, found = _read(path, table)
            project.append(settings)
            problems += found
    own = Settings()
    if card is None and beside is not None and beside != model and _is_there(beside):
        card = beside
    if card is not None:
        own, found = _read(card, None)
        problems += found
        problems += [f"{card.name}: {problem}" for problem in refused_in_card(own, [*project, flags])]
    _raise_together(problems)
    return parse_settings(merged(project, own, _anchored(flags, cwd)), "settings taken together")


def _is_there(path: Path) -> bool:
    """Whether anything has that name, a link to nothing among it: a policy that cannot be read is not one that asks nothing."""
    return path.exists() or path.is_symlink()


def parse_settings(values: Mapping[str, object], where: str) -> Settings:
    """Settings from plain values, tables within tables, as TOML gives them; `where` names them in the SettingsError."""
    settings, problems = _validated(values, where)
    _raise_together(problems)
    return settings


def _read(path: Path, table: str | None) -> tuple[Settings, list[str]]:
    """The settings and the problems of one file."""
    try:
        values: Any = read_toml(path)
    except FileNotFoundError:
        return Settings(), [f"{path}: no such file"]
    except TomlError as error:
        return Settings(), [f"{path}: {error}"]
    for key in table.split(".") if table else ():
        values = values.get(key, {}) if isinstance(values, Mapping) else values
    settings, problems = _validated(values, path.name if table is None else f"{path.name}: {table}")
    return _anchored(settings, path.parent), problems


def _validated(values: object, where: str) -> tuple[Settings, list[str]]:
    """Settings, or the problems in words: file, dotted key, what is wrong with it."""
    try:
        return Settings.model_validate(values), []
    except ValidationError as error:
        problems = error.errors(include_url=False)
        words = [f"{where}: {_in_words(problem)}" for problem in problems[:MOST_PROBLEMS]]
        rest = len(problems) - MOST_PROBLEMS
        return Settings(), [*words, f"{where}: and {rest:,} more"] if rest > 0 else words


def _in_words(problem: Mapping[str, Any]) -> str:
    """One problem that pydantic found, as `key: what is wrong`."""
    location = tuple(str(part) for part in problem["loc"])
    key = _cut(".".join(location)) or "settings"
    match problem["type"]:
        case "extra_forbidden":
            keys = _keys_of(location[:-1])
            near = difflib.get_close_matches(location[-1][:LONGEST_VALUE], keys, n=1, cutoff=0.5)
            known = f" (known: {', '.join(keys)})" if keys else ""
            return f"{key}: unknown key" + (f" (did you mean {near[0]}?)" if near else known)
        case "missing":
            return f"{key}: is missing"
        case "value_error":
            return f"{key}: {_cut(str(problem['ctx']['error']), 3 * LONGEST_VALUE)}".replace("; ", ", ")
        case "model_type":
            return f"{key}: {_cut(repr(problem['input']))} is not a table of keys"
        case "tuple_type":
            return f"{key}: {_cut(repr(problem['input']))} is not a list"
        case _:
            return f"{key}: {problem['msg'].removeprefix('Input ')}, not {_cut(repr(problem['input']))}"


def _cut(text: str, longest: int = LONGEST_VALUE) -> str:
    """A text of the file, without its middle where it is long: its end is what a message ends with."""
    return text if len(text) <= longest else f"{text[: longest - longest // 3]}...{text[-longest // 3 :]}"


def _keys_of(location: Iterable[str]) -> list[str]:
    """The keys that the schema has at a place."""
    fields = Settings.model_fields
    for part in location:
        if not part.isdigit():  # the number of an entry in a list of tables
            table = _table_of(fields[part].annotation) if part in fields else None
            fields = {} if table is None else table.model_fields
    return list(fields)


def _table_of(annotation: Any) -> type[BaseModel] | None:
    """The table that a key holds, by itself, as one of several, or where it may be left out."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_table_of, get_args(annotation))), None)


def _anchored(settings: Settings, folder: Path) -> Settings:
    """The same settings with their relative paths below `folder`; the name of a torchvision set stays as it is."""
    data, substitute = settings.data, settings.substitute
    source = data.source
    if source is not None and NamedDataset.parse(source) is None:
        source = str(folder / expanded(Path(source)))
    root = None if data.root is None else folder / expanded(data.root)
    model = None if substitute.model is None else folder / expanded(substitute.model)
    policy = settings.policy
    baseline = None if policy.baseline is None else folder / expanded(policy.baseline)
    return settings.model_copy(
        update={
            "data": data.model_copy(update={"source": source, "root": root}),
            "substitute": substitute.model_copy(update={"model": model}),
            "policy": policy.model_copy(update={"baseline": baseline}),
        }
    )


def _raise_together(problems: list[str]) -> None:
    if problems:
        raise SettingsError("; ".join(problems))
