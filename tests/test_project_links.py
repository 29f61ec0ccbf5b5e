"""Where people are sent: one address, in the package's metadata, the message about a bug, the README and SECURITY.md."""

import tomllib
from pathlib import Path

from bnnaudit.cli.complaints import ISSUES, explained
from bnnaudit.core.exit_codes import ExitCode

ROOT = Path(__file__).parents[1]


def test_the_address_for_bugs_is_the_same_everywhere() -> None:
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    assert urls["Issues"] == ISSUES
    assert ISSUES.removesuffix("/issues") == urls["Source"]
    message, code = explained(ZeroDivisionError("oops"))
    assert ISSUES in message
    assert code is ExitCode.BUG
    for name in ("README.md", ".github/SECURITY.md"):
        assert ISSUES in (ROOT / name).read_text(encoding="utf-8"), name
    assert urls["Security"].endswith(".github/SECURITY.md")


def test_security_is_told_what_is_promised_and_what_is_not() -> None:
    text = (ROOT / ".github/SECURITY.md").read_text(encoding="utf-8")
    for words in ("--arch", "--trust-card", "trust_cards", "os._exit", "## Not promised", "Reporting a vulnerability"):
        assert words in text, words
