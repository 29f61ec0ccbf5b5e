"""Help in panels, as Typer draws it, but readable from 40 columns on and without a Markdown parser.

Typer's own writer gives an option's description a fifth of the line at any width, and half of the time that it takes is the
import of `rich.markdown`, which nothing here uses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from typer.core import TyperArgument, TyperCommand, TyperGroup

from bnnaudit.cli.streams import writes_ascii

FEWEST_COLUMNS, USUAL_COLUMNS, MOST_COLUMNS = 20, 80, 100
"""The narrowest help, that of a terminal whose width is not known (0), and the widest."""
TWO_COLUMNS, NAMES = 64, 28
"""The narrowest help with descriptions beside the options, where the longest word still fits, and the columns that the options
get there."""
Row = tuple[Text, Text]


class Panels:
    """A command (or group) of Typer's that draws its own help."""

    def format_help(self, context: Any, formatter: Any) -> None:
        """Writes usage, description, examples and a panel for each group of options."""
        assert isinstance(self, TyperCommand | TyperGroup)
        console = Console(highlight=False)
        console.width = min(max(console.width or USUAL_COLUMNS, FEWEST_COLUMNS), MOST_COLUMNS)
        with console.capture() as drawn:
            console.print(Text(f"Usage: {_usage(self, context)}", "bold"))
            for paragraph in (self.help or "").split("\n\n"):
                console.print(Padding(Text(_paragraph(paragraph)), (1, 0, 0, 2)))
            if self.epilog:
                console.print(Padding(Text("Examples", "bold"), (1, 0, 0, 2)))
                console.print(Padding(Text(self.epilog, "cyan", overflow="fold"), (0, 0, 0, 4)))
            console.print()
            for title, rows in self.panels(context):
                console.print(_panel(title, rows, console))
        formatter.write("\n".join(line.rstrip() for line in drawn.get().splitlines()))

    def panels(self, context: Any) -> Iterator[tuple[str, Sequence[Row]]]:
        """The panels' titles and rows, in the order of the parameters; those without a panel end the last one."""
        assert isinstance(self, TyperCommand | TyperGroup)
        found: dict[str, list[Row]] = {}
        for parameter in self.get_params(context):
            title = getattr(parameter, "rich_help_panel", None) or next(reversed(found), "Options")
            found.setdefault(title, []).append(_row(parameter))
        yield from found.items()


def _usage(command: TyperCommand | TyperGroup, context: Any) -> str:
    """`bnnaudit check [OPTIONS] MODEL`."""
    arguments = [one for one in command.get_params(context) if isinstance(one, TyperArgument)]
    names = [str(one.metavar) if one.required else f"[{one.metavar}]" for one in arguments]
    rest = ["COMMAND [ARGS]..."] if isinstance(command, TyperGroup) else names
    return " ".join([context.command_path, "[OPTIONS]", *rest])


def _paragraph(text: str) -> str:
    r"""A paragraph of a docstring on one line, or its lines as they are after a line that holds \b alone."""
    lines = text.strip("\n").split("\n")
    return "\n".join(lines[1:]) if lines[0].strip() == "\b" else " ".join(line.strip() for line in lines)


def _row(parameter: Any) -> Row:
    """An option or argument with what it takes, and its description with its default."""
    shown = parameter.metavar or parameter.name.upper()
    if isinstance(parameter, TyperArgument):
        head = Text(shown, "bold cyan")
    else:
        head = Text(", ".join(sorted((*parameter.opts, *parameter.secondary_opts), key=len)), "bold cyan")
        if not parameter.is_flag:
            head.append(f" {shown}", "yellow")
    body = Text(parameter.help or "")
    default = "required" if parameter.required else _default(parameter)
    if default:
        body.append(f" [{default}]", "dim")
    return head, body


def _default(parameter: Any) -> str:
    """`default: 300`, empty where there is none."""
    said = parameter.show_default if isinstance(parameter.show_default, str) else parameter.default
    return "" if said is None or isinstance(said, bool | list) else f"default: {said}"


def _panel(title: str, rows: Iterable[Row], console: Console) -> Panel:
    """Rows in two columns, or where there is no room for them each description below its option."""
    content: RenderableType
    if console.width < TWO_COLUMNS:
        content = Group(*(part for head, body in rows for part in (head, Padding(body, (0, 0, 0, 2)))))
    else:
        grid = Table.grid(padding=(0, 2), expand=True)
        grid.add_column(width=NAMES, overflow="fold")
        grid.add_column(ratio=1)
        for row in rows:
            grid.add_row(*row)
        content = grid
    return Panel(
        content, title=title, title_align="left", border_style="dim", box=box.ASCII if writes_ascii() else box.ROUNDED
    )
