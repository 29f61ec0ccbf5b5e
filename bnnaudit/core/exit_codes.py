"""What the exit code of a command says."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """0 and 1 are the gate's; the others say that it did not come to a decision."""

    PASSED = 0
    FAILED = 1
    BAD_INPUT = 2
    UNFINISHED = 3
    BUG = 70


PRECEDENCE = (ExitCode.BUG, ExitCode.BAD_INPUT, ExitCode.FAILED, ExitCode.UNFINISHED, ExitCode.PASSED)
"""Of several codes the first in this order is the command's: what was not audited as asked before what failed, and what failed
before what is undecided."""


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The code of a command that did several things; passed if it did none."""
    return min(codes, key=PRECEDENCE.index, default=ExitCode.PASSED)


def worst_delivered(delivered: ExitCode, judged: Iterable[ExitCode]) -> ExitCode:
    """The code of a command that judged something and had to deliver it: passed and failed are said only with all of it."""
    if delivered is ExitCode.PASSED:
        return worst(judged)
    return worst([delivered, *(code for code in judged if code is not ExitCode.FAILED)])
