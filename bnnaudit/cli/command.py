"""A command whose options come in groups: one frozen dataclass for each panel of the help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Annotated, Any, ClassVar, dataclass_transform, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo

from bnnaudit.cli.help import Panels
from bnnaudit.cli.values import NameList, kind_of
from bnnaudit.core.errors import AuditError, UsageError
from bnnaudit.core.limits import Limits, limits_set

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True)
class Options:
    """A group of options: a subclass is a frozen dataclass whose fields are made by `option`.

    panel: the one of the help that shows them; by default that of the parent class.
    """

    panel: ClassVar[str]

    def __init_subclass__(cls, panel: str | None = None) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        cls.panel = panel or cls.panel


def option(
    help: str, default: str = "", key: str = "", *, flags: str = "", metavar: str = "", value: object = None
) -> Any:
    """A field that is an option; how its value is read follows from its type (`kind_of`), and a `bool` is a flag.

    default: the default in words. key: the card's key that says the same, as TABLE.KEY. flags: its names, if other than the
    field's. metavar: the placeholder of its value, if other than the kind's. value: the default itself, `MISSING` where it has to
    be given.
    """
    arguments = {"help": help, "param_decls": flags.split() or None, "show_default": default or True}
    if metavar:
        arguments["metavar"] = metavar
    return field(default=value, metadata={"key": key, "arguments": arguments})


class ReplacesReports:
    """A command (or group) that, where its words cannot be understood, replaces the reports of an earlier run in the files that
    they name, so that none is taken for one of this run.
    """

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Reads the words; raises what is wrong with them."""
        words = [*filter(None, (info_name,)), *args]
        try:
            return super().make_context(info_name, args, parent, **extra)  # type: ignore[misc]
        except (typer.TyperException, AuditError) as error:
            from bnnaudit.cli.complaints import explained
            from bnnaudit.cli.earlier_reports import replace_named

            replace_named(words, *explained(error))
            raise


class Command(ReplacesReports, Panels, TyperCommand):
    """A command whose help is drawn in panels."""


def command(*examples: str) -> Callable[[Callable[..., int | None]], typer.Typer]:
    """Makes an application of one command out of a function: its docstring is the help, its result the exit code, if not 0."""

    def decorate(function: Callable[..., int | None]) -> typer.Typer:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        register = app.command(cls=Command, context_settings=HELP_NAMES, epilog="\n".join(examples))
        register(ungrouped(function))
        return app

    return decorate


def ungrouped(function: Callable[..., int | None]) -> Callable[..., int | None]:
    """The function with the fields of its groups as parameters of their own, as Typer reads them from its signature."""
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, Options)}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(function).parameters.items():
        own = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name])
        parameters += _parameters(groups[name]) if name in groups else [own]

    def run(**values: Any) -> int | None:
        made = {
            name: kind(**{field.name: values.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        chosen = [group.limits for group in made.values() if hasattr(group, "limits")]
        try:
            with limits_set(*chosen or [Limits.DEFAULT]):
                return function(**made, **values)
        except typer.Exit as error:  # Typer's way to end with 0 is no command's, but the network's own
            raise UsageError("the network's own code ended the program (typer.Exit); have it raise another") from error

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _parameters(group: type[Options]) -> Iterator[inspect.Parameter]:
    """A parameter for each field of a group, in the group's panel."""
    types, hints = get_type_hints(group), get_type_hints(group, include_extras=True)
    for entry in fields(group):
        kind = kind_of(hints[entry.name])
        arguments = {**(vars(kind) if kind else {}), **entry.metadata["arguments"]}
        taken = types[entry.name]
        if any(get_origin(part) is tuple for part in get_args(taken)):
            taken = Any  # Typer takes a tuple for several words; ours are one word that a parser splits
        yield inspect.Parameter(
            entry.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=_as_typed(entry.default),
            annotation=Annotated[taken, OptionInfo(default=..., rich_help_panel=group.panel, **arguments)],
        )


def _as_typed(default: Any) -> Any:
    """A default as the words of a command line, which Typer has the option's parser read as well."""
    if default is MISSING:
        return inspect.Parameter.empty
    return default if default is None or isinstance(default, bool) else str(default)


def said(*groups: Options) -> dict[str, Any]:
    """The values of all options of the groups, by their names."""
    return {field.name: getattr(group, field.name) for group in groups for field in fields(group)}


def _joined(value: object) -> object:
    """The names of an option that was repeated, as one list; anything else as it is."""
    if isinstance(value, list) and all(isinstance(entry, NameList) for entry in value):
        return [name for names in value for name in names] or None
    return value


def as_tables(*groups: Options) -> Mapping[str, Mapping[str, object]]:
    """The options that a card can state as well, as its tables; those not given are left out."""
    tables: dict[str, dict[str, object]] = {}
    for group in groups:
        for entry in fields(group):
            table, _, key = entry.metadata["key"].partition(".")
            value = _joined(getattr(group, entry.name))
            if key and value is not None:
                tables.setdefault(table, {})[key] = value
    return tables
