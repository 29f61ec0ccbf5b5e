"""The program's entry: finds the command, runs it, and turns what went wrong into one line and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Mapping

import click

from bnnaudit import __version__
from bnnaudit.cli import startup
from bnnaudit.core.errors import AuditError, is_out_of_memory

PASSED, FAILED, BAD_INPUT, UNFINISHED, BUG = 0, 1, 2, 3, 70

COMMANDS: Mapping[str, str] = {
    "check": "Audit a model and gate its release.",
    "attack": "Run one attack.",
    "sweep": "Accuracy against one setting of an attack.",
    "signal": "How the signal propagates, and where it dies.",
    "clever": "Estimate distances by CLEVER scores.",
    "reproduce": "Make a table of the paper again.",
    "inspect": "Show what a model file holds.",
    "explain": "Explain a rule of the audit.",
    "train": "Train a network from a recipe.",
}
"""Command -> its line in the help; the module of the same name holds it and is imported only when it runs."""


class LazyCommands(click.Group):
    """A group that imports a command only when it is run, so that help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports `bnnaudit.cli.NAME` and takes its `command`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bnnaudit.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table as it stands: no command is imported for its help line."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bnnaudit")
def cli() -> None:
    """Tell real adversarial robustness from fake robustness in quantized neural networks.

    \b
    bnnaudit check model.onnx --data images.npz --eps 8/255
    bnnaudit attack model.onnx --data images.npz --method pgd++ --beta hns

    Exit codes: 0 passed, 1 failed, 2 bad input, 3 unfinished or undecided, 70 a bug of bnnaudit.
    """


def main() -> None:
    """Runs the command line and exits."""
    startup.prepare(os.environ)
    startup.keep_memory(os.environ)
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Runs one command line and gives its exit code; what goes wrong is one line on stderr."""
    try:
        code = cli.main(args=arguments, prog_name="bnnaudit", standalone_mode=False)
        sys.stdout.flush()
        return int(code or PASSED)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return BAD_INPUT
    except click.ClickException as error:
        return complain(error.format_message(), BAD_INPUT)
    except AuditError as error:
        return complain(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return complain("interrupted; nothing was finished", UNFINISHED)
    except BrokenPipeError:
        # Whoever read our output has left: what is still buffered has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNFINISHED
    except Exception as error:
        return report_bug(error, arguments)


def report_bug(error: Exception, arguments: list[str]) -> int:
    """Out of memory is the machine's limit; anything else that got here is ours."""
    kind = type(error).__name__
    if is_out_of_memory(error):
        return complain("out of memory; use fewer --samples or a smaller --batch-size", UNFINISHED)
    if "--verbose" in arguments or "-v" in arguments:
        traceback.print_exception(error)
    text = (str(error).splitlines() or [""])[0]
    return complain(f"a bug of bnnaudit: {kind}: {text} (--verbose shows where; please report it)", BUG)


def complain(message: str, code: int) -> int:
    """One line on stderr."""
    click.echo("bnnaudit: " + " ".join(message.split()), err=True)
    return code
