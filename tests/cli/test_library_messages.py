"""Libraries are silent unless more detail is asked for."""

import subprocess
import sys

SCRIPT = """
import logging, os, sys, warnings
from bnnaudit.cli.library_messages import settle_library_messages
settle_library_messages({verbose}, os.environ)
warnings.warn("first")
with warnings.catch_warnings():
    warnings.simplefilter("always")
    warnings.warn("second", DeprecationWarning)
warnings.simplefilter("always")
warnings.warn("third")
logging.getLogger("library").warning("fourth")
"""


def stderr_of(verbose: bool) -> str:
    script = SCRIPT.format(verbose=verbose)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return ended.stderr


def test_nothing_is_shown_even_where_a_library_sets_filters_of_its_own() -> None:
    assert stderr_of(verbose=False) == ""


def test_everything_is_shown_with_verbose() -> None:
    shown = stderr_of(verbose=True)
    assert all(word in shown for word in ("first", "second", "third", "fourth"))
