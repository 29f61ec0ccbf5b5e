"""A command whose options come in groups: one frozen dataclass for each panel of the help."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Annotated, Any, ClassVar, dataclass_transform, get_args, get_origin, get_type_hints

import typer
from typer.core import TyperCommand
from typer.models import OptionInfo, ParameterInfo

from bnnaudit.cli.help import Panels
from bnnaudit.cli.values import Kind

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


@dataclass_transform(frozen_default=True, kw_only_default=True)
@dataclass(frozen=True)
class Options:
    """A group of options: a subclass is a frozen dataclass whose fields are `Annotated[type, Option(...)]`.

    panel: the one of the help that they are shown in; that of the class above where it is left out.
    """

    panel: ClassVar[str]

    def __init_subclass__(cls, panel: str | None = None) -> None:
        dataclass(frozen=True, kw_only=True)(cls)
        cls.panel = panel or cls.panel


class Option(OptionInfo):
    """An option: its help, the kind of its value (none for a flag), its default in words, and the card's key that says the same.

    flags: its names, where they are others than the field's.
    """

    def __init__(self, help: str, kind: Kind | None = None, default: str = "", key: str = "", flags: str = "") -> None:
        super().__init__(
            default=..., param_decls=flags.split() or None, help=help, show_default=default or True, **kind or {}
        )
        self.table, _, self.key = key.partition(".")


class Command(Panels, TyperCommand):
    """A command whose help is drawn in panels."""


def command(*examples: str) -> Callable[[Callable[..., int]], typer.Typer]:
    """Makes an application of one command out of a function, whose docstring is the help and whose result is the exit code."""

    def decorate(function: Callable[..., int]) -> typer.Typer:
        app = typer.Typer(add_completion=False, rich_markup_mode=None)
        register = app.command(cls=Command, context_settings=HELP_NAMES, epilog="\n".join(examples))
        register(ungrouped(function))
        return app

    return decorate


def ungrouped(function: Callable[..., int]) -> Callable[..., int]:
    """The function with the fields of its groups as parameters of their own, as Typer reads them from its signature."""
    hints = get_type_hints(function, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if isinstance(kind, type) and issubclass(kind, Options)}
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name in groups:
            parameters += _parameters(groups[parameter.name])
        else:
            parameters.append(_keyword(parameter.name, parameter.default, hints[parameter.name]))

    def run(**values: Any) -> int:
        made = {
            name: kind(**{field.name: values.pop(field.name) for field in fields(kind)})
            for name, kind in groups.items()
        }
        return function(**made, **values)

    run.__name__, run.__doc__ = function.__name__, function.__doc__
    run.__annotations__ = {}
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run


def _parameters(group: type[Options]) -> list[inspect.Parameter]:
    """A parameter for each field of a group, in the group's panel."""
    hints = get_type_hints(group, include_extras=True)
    for option in (entry for hint in hints.values() for entry in get_args(hint) if isinstance(entry, ParameterInfo)):
        option.rich_help_panel = group.panel
    return [_keyword(field.name, field.default, hints[field.name]) for field in fields(group)]


def _keyword(name: str, default: object, annotation: object) -> inspect.Parameter:
    """A parameter for Typer, which takes a tuple for several words; ours are one word that a parser splits."""
    kind, *metadata = get_args(annotation)
    if any(get_origin(part) is tuple for part in get_args(kind)):
        annotation = Annotated[(Any, *metadata)]
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def said(*groups: Options) -> dict[str, Any]:
    """The values of all options of the groups, by their names."""
    return {field.name: getattr(group, field.name) for group in groups for field in fields(group)}


def as_tables(*groups: Options) -> Mapping[str, Mapping[str, object]]:
    """The options that a card can say as well, as its tables; those not given are left out."""
    tables: dict[str, dict[str, object]] = {}
    for group in groups:
        for name, hint in get_type_hints(type(group), include_extras=True).items():
            value = getattr(group, name)
            for option in get_args(hint):
                if isinstance(option, Option) and option.key and value is not None:
                    tables.setdefault(option.table, {})[option.key] = value
    return tables
