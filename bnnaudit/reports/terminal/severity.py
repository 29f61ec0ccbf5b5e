"""How severities look."""

from rich.text import Text

from bnnaudit.core.finding import Severity
from bnnaudit.reports.terminal.style import Look

_BADGES = {
    Severity.ERROR: ("ERROR", "bold white on red"),
    Severity.WARNING: ("WARNING", "bold black on yellow"),
    Severity.NOTE: ("NOTE", "bold white on blue"),
}


def badge(severity: Severity, look: Look) -> Text:
    """The severity in capitals, with a margin of its colour where there is colour."""
    word, style = _BADGES[severity]
    return Text(f" {word} " if look.color else word, style=style)
