"""Groups of options: how a command gets them, and which keys of a card they stand for."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated

import pytest
import typer

from bnnaudit.cli import options, values
from bnnaudit.cli.command import Options, as_tables, command, option, said, ungrouped
from bnnaudit.cli.main import COMMANDS, program
from bnnaudit.config.settings import Settings
from bnnaudit.core.threat import Norm


class Pair(Options, panel="Pair"):
    """Two options."""

    first: values.Count | None = option("One.", key="data.seed")
    second: bool = option("Two.", flags="--other", value=False)


class Wider(Pair):
    """One more, in the same panel."""

    third: values.Numbers | None = option("Three.")


def test_the_fields_of_a_group_are_the_command_s_options(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[object] = []

    @command("example")
    def work(name: Annotated[str, typer.Argument(metavar="NAME")], group: Wider) -> int:
        """Work."""
        seen.extend((name, group))
        return 3

    built = typer.main.get_command(work)
    with built.make_context("work", ["a", "--first", "4", "--other", "--third", "1,2"]) as context:
        assert built.invoke(context) == 3
    assert seen == ["a", Wider(first=4, second=True, third=(1.0, 2.0))]
    assert {parameter.name: parameter.rich_help_panel for parameter in built.params[1:]} == dict.fromkeys(
        ("first", "second", "third"), "Pair"
    )


def test_groups_are_told_apart_by_their_values() -> None:
    group = Wider(first=4, third=(1.0,))
    assert said(group) == {"first": 4, "second": False, "third": (1.0,)}
    assert as_tables(group, options.Threat(norm=Norm.L2)) == {"data": {"seed": 4}, "threat": {"norm": Norm.L2}}
    assert as_tables(Pair()) == {}
    with pytest.raises(AttributeError):
        group.first = 5  # type: ignore[misc]


def test_a_function_without_groups_is_as_it_was() -> None:
    def plain(quiet: Annotated[bool, typer.Option("--quiet")] = False) -> int:
        return int(quiet)

    assert ungrouped(plain)(quiet=True) == 1


def test_every_key_is_one_of_a_card_s() -> None:
    groups = [kind for kind in vars(options).values() if isinstance(kind, type) and issubclass(kind, Options)]
    keys = [field.metadata["key"] for group in groups if group is not Options for field in fields(group)]
    assert len([key for key in keys if key]) > 30
    for table, _, key in (key.partition(".") for key in keys if key):
        assert key in type(getattr(Settings(), table)).model_fields


def test_commands_share_what_they_call_alike() -> None:
    """An option of one name is read, described and defaulted alike wherever it stands, but for what a command says of its own."""
    seen: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for name in COMMANDS:
        for parameter in program.get_command(typer.Context(program), name).params:
            for flag in parameter.opts:
                if flag.startswith("--"):
                    seen.setdefault(flag, {}).setdefault((parameter.metavar, parameter.is_flag), []).append(name)
    differing = {flag for flag, kinds in seen.items() if len(kinds) > 1}
    assert differing == {"--substitute", "--output", "--effort", "--model"} & differing


def test_a_card_says_what_options_say(tmp_path: Path) -> None:
    assert json.loads(json.dumps(as_tables(options.Run(threads=2)))) == {"run": {"threads": 2}}
