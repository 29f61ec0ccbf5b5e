"""The program's entry point: finds the command, runs it, and turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.text import Text
from typer.core import TyperGroup

from bnnaudit import __version__
from bnnaudit.cli import interrupts, named_files, startup
from bnnaudit.cli.command import HELP_NAMES, ReplacesReports
from bnnaudit.cli.complaints import INTERRUPTED, complain, complain_of, explained
from bnnaudit.cli.help import Panels, Row
from bnnaudit.cli.library_messages import settle_library_messages
from bnnaudit.cli.streams import UndeliveredError, give_up_stdout, open_streams, take_back
from bnnaudit.cli.supervision import SUPERVISION
from bnnaudit.core.errors import AuditError, UsageError, did_you_mean
from bnnaudit.core.exit_codes import ExitCode

NAME = "bnnaudit"
COMPLETION = "_BNNAUDIT_COMPLETE"
"""The variable by which a shell asks for completions."""
COMMANDS: Mapping[str, str] = {
    "check": "Audit a model and gate its release.",
    "compare": "Compare two releases by their reports.",
    "history": "Show a model's accuracy over its releases.",
    "attack": "Run one attack.",
    "verify": "Replay the counterexamples of evidence on the deployed model.",
    "sweep": "Measure accuracy against one setting of an attack.",
    "signal": "Measure how the signal propagates, and where it vanishes.",
    "clever": "Estimate distances by CLEVER scores.",
    "reproduce": "Reproduce a table of the paper.",
    "inspect": "Show what a model file holds.",
    "explain": "Explain a rule of the audit.",
    "render": "Write a report in other formats.",
    "train": "Train a network from a recipe.",
}
"""Command -> its line in the help; the module of the same name is imported only when the command runs."""


class LazyCommands(ReplacesReports, Panels, TyperGroup):
    """A group that imports a command only when it is run.

    Typer's own group has all commands imported and their 190 parameters built before the first is looked at, which every
    run and every completion would pay for.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Imports `bnnaudit.cli.NAME` and takes its application; UsageError for an unknown name."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"bnnaudit.cli.{cmd_name}")
            command = typer.main.get_command(getattr(module, cmd_name))
            command.short_help = COMMANDS[cmd_name]
            return command
        if ctx.resilient_parsing:
            return None
        raise UsageError(f"no command {cmd_name!r}{did_you_mean(cmd_name, COMMANDS)}; `{NAME} --help` lists them")

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names, and the words behind it."""
        try:
            return super().resolve_command(ctx, args)
        except AuditError as error:
            from bnnaudit.cli.earlier_reports import replace_named

            replace_named(args, *explained(error))
            raise

    def panels(self, context: Any) -> Iterator[tuple[str, Sequence[Row]]]:
        """The table of commands, so that none is imported for its help line, then the options."""
        yield "Commands", [(Text(name, "bold cyan"), Text(line)) for name, line in COMMANDS.items()]
        yield from super().panels(context)


app = typer.Typer(cls=LazyCommands, context_settings=HELP_NAMES, rich_markup_mode=None)


def show_version(wanted: bool) -> None:
    """Prints the version and ends."""
    if wanted:
        typer.echo(f"{NAME}, version {__version__}")
        raise typer.Exit


@app.callback(
    invoke_without_command=True,
    epilog=f"{NAME} check model.onnx --data images.npz --eps 8/255\n"
    f"{NAME} attack model.onnx --data images.npz --method pgd++ --beta hns",
)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Tell real adversarial robustness from fake robustness in quantized neural networks.

    Exit codes: 0 passed, 1 failed, 2 bad input, 3 unfinished or undecided, 70 a bug in bnnaudit.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(ExitCode.BAD_INPUT)


program = typer.main.get_command(app)


def main() -> None:
    """Runs the command line and exits."""
    startup.prepare(os.environ)
    startup.keep_memory(os.environ)
    settle_library_messages(is_verbose(sys.argv[1:]), os.environ)
    open_streams()
    interrupts.listen()
    SUPERVISION.allow()
    try:
        code = run(sys.argv[1:])
    except KeyboardInterrupt:  # while something else that ended it was told
        code = complain(INTERRUPTED, ExitCode.UNFINISHED)
    interrupts.hold()
    SUPERVISION.deliver(code)
    interrupts.leave(code)
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Runs one command line and returns its exit code; an error is one line on stderr."""
    try:
        code = answer(arguments)
        take_back()
        sys.stdout.flush()
        interrupts.hold()
        return code
    except typer.TyperException as error:
        return complain(usage_error(error), ExitCode.BAD_INPUT)
    except UndeliveredError as error:
        give_up_stdout()
        return ExitCode.UNFINISHED if error.reader_left else complain_of(error, verbose=False)
    except BaseException as error:  # a network's code may raise SystemExit(0), which is no verdict
        return complain_of(error, is_verbose(arguments))


def is_verbose(arguments: Sequence[str]) -> bool:
    """Whether the command line asks for more detail, wherever in it."""
    return "--verbose" in arguments or "-v" in arguments


def answer(arguments: list[str]) -> int:
    """Runs one command line, or answers a shell that asks for completions.

    The command is invoked here and not by Typer's `main`, which exits with 1, here the code of a failed model, if the reader of a
    pipe has left, and with 130 on an interrupt.
    """
    if os.environ.get(COMPLETION):
        return complete()
    named_files.remember(arguments)
    try:
        try:
            context = program.make_context(NAME, list(arguments))
        except SystemExit as ended:  # Typer's own, after --show-completion; no code of a model's has run yet
            return ExitCode.BAD_INPUT if ended.code else ExitCode.PASSED
        with context:
            return int(program.invoke(context) or ExitCode.PASSED)
    except typer.Exit as ended:
        return ExitCode.BAD_INPUT if ended.exit_code else ExitCode.PASSED


def complete() -> int:
    """Answers a shell; Typer's exit code for an error, 1, would here be that of a failed model."""
    try:
        program.main(prog_name=NAME, complete_var=COMPLETION)
    except SystemExit as ended:
        return ExitCode.BAD_INPUT if ended.code else ExitCode.PASSED
    except (KeyError, ValueError):
        raise UsageError(f"{COMPLETION}: the shell's words are missing, or cannot be read") from None
    return ExitCode.PASSED


def usage_error(error: typer.TyperException) -> str:
    """Typer's message on a wrong command line, with the nearest option's name where one is unknown."""
    unknown, context = getattr(error, "option_name", None), getattr(error, "ctx", None)
    if not unknown or not context:
        return error.format_message()
    # Typer compares the names with their dashes, which make any two short ones alike.
    known = [name for one in context.command.get_params(context) for name in one.opts if name.startswith("--")]
    return f"{error.message}{did_you_mean(unknown, known)}"
