"""What is said of an error: one line on stderr, and the exit code that goes with it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator

import typer

from bnnaudit.cli import interrupts
from bnnaudit.cli.streams import UndeliveredError
from bnnaudit.core.errors import AuditError, is_out_of_memory
from bnnaudit.core.exit_codes import ExitCode
from bnnaudit.reports.safe_text import abridged

LONGEST = 4_000
"""Characters of a message that are shown: more than a page of mistakes in a card takes. Not tuned."""
MOST_CAUSES = 1_000
"""Of an error that are looked at. Not tuned."""
ISSUES = "https://github.com/OWNER/bnnaudit/issues"
"""Where a bug is reported; `pyproject.toml` says the same."""
INTERRUPTED = "interrupted; nothing was finished"


def explained(error: BaseException) -> tuple[str, ExitCode]:
    """The line and the code. Out of memory is the machine's limit, and a refused file the system's; any other error is a bug.

    What ends a program, such as `SystemExit(0)`, ends none here: it comes from the user's code, and no verdict was reached.
    """
    if interrupts.heard() and any(isinstance(cause, KeyboardInterrupt) for cause in _causes(error)):
        return INTERRUPTED, ExitCode.UNFINISHED
    if isinstance(error, typer.TyperException):
        return error.format_message(), ExitCode.BAD_INPUT
    if isinstance(error, AuditError):
        return str(error), ExitCode.BAD_INPUT
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return INTERRUPTED, ExitCode.UNFINISHED
    if is_out_of_memory(error):
        return "out of memory; use fewer --samples or a smaller --batch-size", ExitCode.UNFINISHED
    if isinstance(error, UndeliveredError):
        return str(error.strerror), ExitCode.UNFINISHED if error.reader_left else ExitCode.BAD_INPUT
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or 'the output'}: {error.strerror}", ExitCode.BAD_INPUT
    if interrupts.heard():  # a library that was interrupted in its own code says so in its own words
        return INTERRUPTED, ExitCode.UNFINISHED
    text = (str(error).splitlines() or [""])[0]
    kind = type(error).__name__
    if not isinstance(error, Exception) or isinstance(error, typer.Exit):  # bnnaudit itself raises none of these
        return (
            f"the network's own code ended the program ({kind}: {text}); have it raise an ordinary error",
            ExitCode.BAD_INPUT,
        )
    return f"a bug in bnnaudit: {kind}: {text} (--verbose shows where; please report it: {ISSUES})", ExitCode.BUG


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from, as many as a traceback would have; foreign code could make them a circle."""
    for _ in range(MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def complain_of(error: BaseException, verbose: bool) -> ExitCode:
    """Says what is wrong."""
    if verbose:
        show_traceback(error)
    return complain(*explained(error))


def show_traceback(error: BaseException) -> None:
    """Where an error comes from, unless it is the user's or the machine's limit."""
    if not isinstance(error, AuditError | KeyboardInterrupt | typer.Abort) and not is_out_of_memory(error):
        traceback.print_exception(error)


def complain(message: str, code: ExitCode) -> ExitCode:
    """One line on stderr; if that cannot be written either, only the exit code tells."""
    with contextlib.suppress(OSError):
        typer.echo("bnnaudit: " + abridged(" ".join(message.split()), LONGEST), err=True)
    return code
